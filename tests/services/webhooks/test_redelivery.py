import pytest

from services.webhooks.redelivery import DELAYS, LONGEST_DELAY, Arrived, Dead, Later, Reply, after_reply

DOWN = Reply(error="Connection refused")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_is_the_end(status: int) -> None:
    assert after_reply(Reply(status=status), 1, 0.5) == Arrived()


@pytest.mark.parametrize("status", [101, 300, 301, 302, 400, 401, 404, 429, 500, 503, None])
def test_anything_else_is_tried_again(status: int | None) -> None:
    assert after_reply(Reply(status=status), 1, 0.5) == Later(DELAYS[0])


def test_it_is_tried_for_about_a_day_and_then_given_up() -> None:
    steps = [after_reply(DOWN, tries, 0.5) for tries in range(1, len(DELAYS) + 2)]
    waits = [step.delay for step in steps if isinstance(step, Later)]
    assert waits == [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800]
    assert 23 * 3600 < sum(waits) < 25 * 3600
    assert steps[-1] == Dead()


def test_jitter_keeps_many_from_coming_at_once() -> None:
    assert [after_reply(DOWN, 4, roll) for roll in (0.0, 0.5, 1.0)] == [Later(570.0), Later(600.0), Later(630.0)]


def test_an_endpoint_may_ask_for_more_time_but_not_for_ever() -> None:
    def waits(seconds: float, tries: int = 1) -> object:
        return after_reply(Reply(status=503, retry_after=seconds), tries, 0.5)

    assert waits(60.0) == Later(60.0)
    assert waits(60.0, tries=4) == Later(600.0)
    assert waits(1e9) == Later(LONGEST_DELAY)
    assert waits(60.0, tries=11) == Dead()


def test_who_is_gone_is_not_asked_again() -> None:
    assert after_reply(Reply(status=410, retry_after=5.0), 1, 0.5) == Dead()
    assert after_reply(DOWN, 1, 0.5, once=True) == Dead()
    assert after_reply(Reply(status=204), 1, 0.5, once=True) == Arrived()
