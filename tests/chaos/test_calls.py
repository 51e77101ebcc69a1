"""What is read off the transcripts of a call that was broken."""

from tests.chaos.calls import misplaced
from tests.chaos.recordings import Voice, in_call


def test_what_is_heard_once_and_in_order_is_right_and_holes_are_allowed_where_they_may_be() -> None:
    voice = Voice()
    said = in_call(["left0", "left1", "left5"])
    assert voice.is_right(said, "left0 left1 left3 left5 Hearing 7.")
    assert not voice.is_right(said, "left0 left5 Hearing 7.")


def test_what_is_heard_again_or_too_late_is_named() -> None:
    assert misplaced("right0 right1 right4 right9 Hearing 12.") == []
    assert misplaced("right0 right1 right1 right4 right2 Hearing 1.") == ["right1", "right2"]
