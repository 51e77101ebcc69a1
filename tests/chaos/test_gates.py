import threading

from tests.chaos.gates import Gate


def test_who_comes_while_it_is_held_is_met_there_and_goes_on_with_the_release() -> None:
    gate = Gate()
    gate.hold()
    passing = threading.Thread(target=gate.go_through)
    passing.start()
    assert gate.reached.wait(30)
    gate.release()
    passing.join(30)
    assert not passing.is_alive()


def test_an_open_gate_says_that_somebody_came_and_a_held_one_forgets_it() -> None:
    gate = Gate()
    gate.go_through()
    assert gate.reached.is_set()
    gate.hold()
    assert not gate.reached.is_set()
