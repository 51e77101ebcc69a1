"""What the doctor makes of what no real server can be made to say here."""

from datetime import date, timedelta

import pytest

from app.config import Settings
from app.engines.hosted import SOON, model
from app.finding import Finding, State, failing, ok, warning, worst
from scripts.doctor import sanity
from scripts.doctor.database import version
from scripts.doctor.disk import room
from scripts.doctor.work import LATE_SECONDS, STUCK_SECONDS, arriving, calls, processing, queued, sweep
from services.adapters.openai_speech import MODELS
from services.operations.readings import Arriving, Line, Talking

GB = 10**9
ENDS = MODELS["whisper-1"].ends_on


def state(finding: Finding) -> State:
    assert bool(finding.todo) == (finding.state is not State.OK), "whatever is not well says what to do"
    return finding.state


def test_the_whole_is_as_bad_as_its_worst_part() -> None:
    well, ill, bad = ok("a", ""), warning("b", "", "x"), failing("c", "", "x")
    assert [worst([well]), worst([ill, well]), worst([well, bad, ill]), worst([])] == [
        State.OK,
        State.WARNING,
        State.FAILING,
        State.OK,
    ]


@pytest.mark.parametrize(
    ("numbers", "expected"), [([5, 0, 31], "failing"), ([6, 0, 5], "warning"), ([7, 0, 0], "ok"), ([8, 2, 1], "ok")]
)
def test_a_server_past_its_end_of_life_is_a_warning_and_an_older_one_failing(numbers: list[int], expected: str) -> None:
    assert state(version(numbers)) == expected


@pytest.mark.parametrize(
    ("free", "total", "expected"),
    [(0.4, 100, "failing"), (0.6, 100, "warning"), (4.9, 100, "warning"), (4.9, 10, "ok"), (50, 1000, "ok")],
)
def test_a_full_disk_is_failing_before_uploads_are(free: float, total: float, expected: str) -> None:
    assert state(room("disk", int(free * GB), int(total * GB))) == expected


def test_a_disk_on_which_no_recording_in_pieces_is_taken_is_not_well() -> None:
    short = room("disk", GB, 8 * GB, least=GB + 1)
    assert (state(short), "LEAST_FREE_MEGABYTES" in short.todo) == ("failing", True)
    assert state(room("disk", GB + 1, 8 * GB, least=GB + 1)) == "ok"


@pytest.mark.parametrize(
    ("name", "days", "expected"),
    [
        ("whisper-1", SOON.days + 1, "ok"),
        ("whisper-1", SOON.days, "warning"),
        ("whisper-1", 1, "warning"),
        ("whisper-1", 0, "failing"),
        ("gpt-4o-transcribe", -30, "failing"),
        ("gpt-transcribe", -3000, "ok"),
        ("own-model", 0, "warning"),
    ],
)
def test_a_models_end_is_announced_and_then_failing(name: str, days: int, expected: str) -> None:
    assert ENDS is not None
    assert state(model(name, ENDS - timedelta(days=days))) == expected


def test_the_default_model_has_no_end_announced() -> None:
    assert state(model(Settings.model_fields["openai_speech_model"].default, date(2030, 1, 1))) is State.OK


@pytest.mark.parametrize(
    ("seconds", "expected"), [(LATE_SECONDS, "ok"), (LATE_SECONDS + 1, "warning"), (STUCK_SECONDS + 1, "failing")]
)
def test_what_waits_for_long_is_said(seconds: float, expected: str) -> None:
    assert state(queued(Line(number=1, oldest_seconds=seconds))) == expected


def test_a_claim_whose_worker_is_gone_is_failing() -> None:
    assert state(processing(Line(number=1, oldest_seconds=9999, silent_seconds=100), 130)) is State.OK
    assert state(processing(Line(number=1, silent_seconds=131), 130)) is State.FAILING
    assert state(arriving(Arriving(number=2, bytes=9_000_000, oldest_seconds=9999, overdue_seconds=300))) is State.OK
    assert state(arriving(Arriving(number=2, overdue_seconds=301))) is State.FAILING


def test_a_sweep_that_stopped_is_a_warning() -> None:
    assert [state(sweep(age, 5.0)) for age in (None, 61.0, 59.0)] == ["warning", "warning", "ok"]
    assert state(sweep(200.0, 60.0)) is State.OK


@pytest.mark.parametrize(
    ("given", "check", "expected"),
    [
        ({"jwt_secret": "short"}, "Bearer tokens", "failing"),
        ({}, "Bearer tokens", "failing"),
        ({"jwt_secret": "s" * 32}, "Bearer tokens", "ok"),
        ({"metrics_token": "short"}, "Metrics token", "warning"),
        ({"metrics_token": "m" * 32}, "Metrics token", "ok"),
        ({"lease_seconds": 5, "openai_timeout_seconds": 2}, "Lease", "warning"),
        ({"sweep_seconds": 90}, "Lease", "warning"),
        ({"scorer": "openai"}, "Scorer", "failing"),
        ({"scorer": "openai", "scorer_model": "m", "openai_api_key": ""}, "Scorer", "failing"),
        ({"scorer": "openai", "scorer_model": "", "openai_api_key": "k"}, "Scorer", "failing"),
        ({"scorer": "openai", "scorer_model": "m", "openai_api_key": "k"}, "Scorer", "ok"),
    ],
)
def test_settings_are_judged(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, object], check: str, expected: str
) -> None:
    for name in ("JWT_SECRET", "JWKS_URL", "METRICS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (finding,) = [each for each in sanity.looked_at(Settings(**given)) if each.check == check]  # type: ignore[arg-type]
    assert state(finding) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Talking(), "ok"),
        (Talking(number=2, with_ports=1, receivers=1, places=50), "ok"),
        (Talking(number=2, with_ports=1), "failing"),
        (Talking(ending=1, ending_seconds=LATE_SECONDS + 1), "failing"),
    ],
)
def test_calls_that_nobody_takes_in_or_ends_are_found(now: Talking, expected: str) -> None:
    assert state(calls(now)) == expected


def test_that_no_calls_are_taken_in_is_said_in_place_of_free_ports() -> None:
    finding = calls(Talking(), "40000-40199", are_taken=False)
    assert (state(finding), "AUDIO_CACHE_ENABLED=0" in finding.said, "free" in finding.said) == ("ok", True, False)


@pytest.mark.parametrize(("receivers", "expected"), [(0, "warning"), (1, "ok")])
def test_ports_that_are_set_and_nobody_has_are_a_warning(receivers: int, expected: str) -> None:
    settings = Settings.told({"RTP_PORTS": "40000-40199"})
    assert state(calls(Talking(receivers=receivers), settings.rtp_ports)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"PROCESS": "rtp"}, ["failing"]),
        ({"RTP_PORTS": "40000-40199"}, ["ok"]),
        ({"RTP_PORTS": "40000-40199", "RTP_BIND": "0.0.0.0"}, ["warning"]),
        ({"RTP_PORTS": "40000-40199", "RTP_BIND": "0.0.0.0", "RTP_HOST": "203.0.113.7"}, ["ok"]),
    ],
)
def test_ports_that_senders_would_not_find_are_a_warning(given: dict[str, str], expected: list[str]) -> None:
    found = [finding for finding in sanity.looked_at(Settings.told(given)) if finding.check == "RTP"]
    assert [state(finding) for finding in found] == expected
