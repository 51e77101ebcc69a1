"""The Python client through a real stack."""

from client import ApiProblem, VivaVoce
from tests.system.live import Stack
from tests.system.speech import samples, word_error_rate
from tests.system.test_microphone_tests import beginning


def test_an_answer_is_sent_followed_and_scored(stack: Stack) -> None:
    sample = samples()[0]
    with VivaVoce(stack.url, lambda: stack.token("carol")) as client:
        session = client.create_session([sample.question], title="By hand")["session_id"]  # type: ignore[list-item]
        events = client.events(session)
        assert next(events)["type"] == "snapshot"
        uploaded = client.upload(session, sample.id, sample.audio)
        seen: list[str] = []
        while not seen or seen[-1] != "answer.completed":
            seen.append(next(events)["type"])
        assert seen == ["answer.queued", "answer.processing", "answer.completed"]
        status = client.status(session, sample.id, segments=True)
        assert status["take"] == uploaded["take"] and status["segments"]
        assert word_error_rate(sample.said, status["transcript"] or "") < 0.15
        assert client.analysis(session)["scored_count"] == 1
        assert client.session(session)["title"] == "By hand"


def test_a_microphone_is_tested(stack: Stack) -> None:
    with VivaVoce(stack.url, stack.token("carol")) as client:
        heard = client.test_microphone(beginning(3.0), language="en")
    assert heard["heard"]


def test_a_refusal_says_why(stack: Stack) -> None:
    with VivaVoce(stack.url, stack.token("carol")) as client:
        try:
            client.statuses("none")
        except ApiProblem as problem:
            assert (problem.status, problem.code) == (404, "session_not_found")
            return
    raise AssertionError("nothing was refused")
