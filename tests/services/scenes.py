"""Short pieces of the main job: what stands ready, and the one process to which something happens."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from services.errors import AudioUnreadable, EngineBusy, EngineRefused, EngineUnavailable, ScorerBusy, ScorerUnavailable
from services.interviews.language import Language
from services.interviews.model import Evaluation, Failure, Part, PartId, PartState, Question, SessionId, new_part_id
from services.interviews.transcript import Transcript
from tests.fakes.memory import Terms
from tests.in_memory import ALICE, OPERATOR, Q1, SMALL, Interior, incoming
from tests.invariants import KEPT_HOURS, World

OLD, NEW = "the old take", "the newest take"
LEASE = Terms().lease_seconds + 1
MOST = Terms().max_deliveries


class DeadScorer:
    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        raise ScorerUnavailable


@dataclass
class Scene:
    """What stands ready; `house` is as the process sees it to which it happens."""

    world: World
    session: SessionId
    parts: list[Part] = field(default_factory=list)
    accepted: list[Part] = field(default_factory=list)

    @property
    def part(self) -> PartId:
        return self.parts[-1].id

    async def uploads(self, text: str = OLD) -> None:
        self.parts.append(await self.world.upload(self.world.house, self.session, Q1, text))

    async def claimed(self) -> Part:
        claimed = await self.world.house.claims.claim(self.part, "another")
        assert claimed is not None
        return claimed

    async def completed(self) -> Part:
        """Transcribed, and nothing of what follows."""
        claimed = await self.claimed()
        part = await self.world.house.claims.complete(claimed.id, claimed.fence, heard())
        assert part is not None
        return part

    async def fell_silent(self, times: int = 1) -> None:
        for _ in range(times - 1):
            await self.claimed()
            await self.world.passes(LEASE)
            await self.world.house.upkeep.reclaim()
        await self.claimed()
        await self.world.passes(LEASE)


Ready = Callable[[Scene], Awaitable[None]]
Act = Callable[[Scene, Interior], Awaitable[object]]


def heard(text: str = OLD) -> Transcript:
    return Transcript(text=text, language=Language("en"), duration=1.0, engine="echo")


async def nothing(scene: Scene) -> None:
    pass


async def an_upload(scene: Scene) -> None:
    await scene.uploads()


async def a_finished_answer(scene: Scene) -> None:
    await scene.uploads()
    await scene.world.hear(scene.world.house)


async def an_engine_that_fails_once(scene: Scene) -> None:
    await scene.uploads()
    scene.world.house.ears.trouble = [EngineUnavailable()]


async def an_engine_that_has_enough_to_do(scene: Scene) -> None:
    await scene.uploads()
    scene.world.house.ears.trouble = [EngineBusy(retry_after=600.0)]


async def an_engine_that_refuses(scene: Scene) -> None:
    await scene.uploads()
    scene.world.house.ears.trouble = [EngineRefused()]


async def a_recording_that_is_none(scene: Scene) -> None:
    await scene.uploads()
    scene.world.house.ears.trouble = [AudioUnreadable()]


async def an_engine_out_of_reach_and_one_delivery_left(scene: Scene) -> None:
    await scene.uploads()
    await scene.fell_silent(MOST - 1)
    await scene.world.house.upkeep.reclaim()
    scene.world.house.ears.trouble = [EngineUnavailable() for _ in range(MOST)]


async def a_silent_worker(scene: Scene) -> None:
    await scene.uploads()
    await scene.fell_silent()


async def a_silent_worker_on_the_last_delivery(scene: Scene) -> None:
    await scene.uploads()
    await scene.fell_silent(MOST)


async def a_silent_upload(scene: Scene) -> None:
    dying = scene.world.house.uploads
    abort, dying.abort = dying.abort, _dies  # type: ignore[method-assign,assignment]
    with suppress(OSError):
        await scene.world.house.intake.receive(scene.session, Q1, ALICE, incoming(b"abc", then=OSError()))
    dying.abort = abort  # type: ignore[method-assign]
    await scene.world.passes(600)


async def a_recording_without_a_record(scene: Scene) -> None:
    """As if the process died after it had stored a small recording, and before it kept its record."""
    await scene.world.house.audio.keep(new_part_id(), b"abc", {})


async def _dies(*_: object) -> Part | None:
    raise TimeoutError


async def an_end_without_its_closing(scene: Scene) -> None:
    await scene.uploads()
    await scene.completed()
    await scene.world.passes(60)


async def a_closed_answer_without_a_score(scene: Scene) -> None:
    await scene.uploads()
    await scene.world.house.closing.close(await scene.completed(), heard())


async def the_same_and_no_scorer(scene: Scene) -> None:
    await a_closed_answer_without_a_score(scene)
    scene.world.house.scorer = DeadScorer()


class BusyOnce:
    def __init__(self) -> None:
        self.trouble: list[Exception] = [ScorerBusy(retry_after=100.0)]

    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        if self.trouble:
            raise self.trouble.pop()
        return Evaluation(score=50.0, scorer="busy once")


async def a_scorer_that_has_enough_to_do(scene: Scene) -> None:
    await a_closed_answer_without_a_score(scene)
    scene.world.house.scorer = BusyOnce()


async def a_scorer_that_fell_silent(scene: Scene) -> None:
    await a_closed_answer_without_a_score(scene)
    assert await scene.world.house.closings.claim_scoring(scene.part, 60.0)
    await scene.world.passes(61)


async def an_answer_that_no_scorer_was_had_for(scene: Scene) -> None:
    await a_closed_answer_without_a_score(scene)
    gone, house = Evaluation(score=None, reason="scorer_unavailable"), scene.world.house
    assert await house.sessions.score(scene.session, Q1, scene.parts[0].take, gone)
    await house.closings.scored(scene.part)


async def kept_audio_whose_time_is_over(scene: Scene) -> None:
    await a_silent_worker_on_the_last_delivery(scene)
    await scene.world.house.sweep.run(KEPT_HOURS)
    await scene.world.passes((KEPT_HOURS + 1) * 3600)


async def a_failed_answer_whose_audio_is_kept(scene: Scene) -> None:
    await an_engine_out_of_reach_and_one_delivery_left(scene)
    await scene.world.hear(scene.world.house)
    scene.world.house.ears.trouble.clear()
    part = await scene.world.house.records.get(scene.part)
    assert part is not None and (part.state, part.keep_audio) == (PartState.FAILED, True)


async def a_failed_answer_that_was_not_closed(scene: Scene) -> None:
    """As if the worker died right after it had given up."""
    await scene.uploads()
    claimed = await scene.claimed()
    trouble = Failure("engine_unavailable", "Away.")
    assert await scene.world.house.claims.fail(claimed.id, claimed.fence, trouble, keep_audio=True)


async def a_lost_ring(scene: Scene) -> None:
    await scene.uploads()
    scene.world.house.doorbell.to_transcribe.clear()
    await scene.world.passes(60)


async def two_takes_of_which_the_old_one_was_not_ended(scene: Scene) -> None:
    """As if the process died between showing the newest take and ending the old one."""
    await scene.uploads()
    uploads = scene.world.house.uploads
    supersede, uploads.supersede = uploads.supersede, _ends_nothing  # type: ignore[method-assign,assignment]
    await scene.uploads(NEW)
    uploads.supersede = supersede  # type: ignore[method-assign]


async def _ends_nothing(*_: object) -> list[Part]:
    return []


async def upload(scene: Scene, house: Interior) -> None:
    scene.accepted.append(await scene.world.upload(house, scene.session, Q1, NEW))


async def small_upload(scene: Scene, house: Interior) -> None:
    scene.accepted.append(await scene.world.upload(house, scene.session, Q1, NEW, SMALL))


async def small_upload_of_the_same(scene: Scene, house: Interior) -> None:
    scene.accepted.append(await scene.world.upload(house, scene.session, Q1, OLD, SMALL))


async def upload_that_breaks_off(scene: Scene, house: Interior) -> None:
    with suppress(OSError):
        await house.intake.receive(scene.session, Q1, ALICE, incoming(b"abc", b"def", then=OSError()))


async def transcribe(scene: Scene, house: Interior) -> None:
    await house.worker().run(scene.parts[0].id)


async def score(scene: Scene, house: Interior) -> None:
    await house.scoring.run(scene.part)


async def sweep(scene: Scene, house: Interior) -> None:
    await house.sweep.run(KEPT_HOURS)


async def audit(scene: Scene, house: Interior) -> None:
    await house.sweep.audit()


async def close(scene: Scene, house: Interior) -> None:
    part = await house.records.get(scene.part)
    assert part is not None
    await house.closing.close(part)


async def retry(scene: Scene, house: Interior) -> None:
    await house.intervention.retry(scene.session, Q1, OPERATOR)


async def rescore(scene: Scene, house: Interior) -> None:
    await house.intervention.score(scene.session, Q1, OPERATOR)


async def fail(scene: Scene, house: Interior) -> None:
    await house.intervention.fail(scene.session, Q1, "It hangs.", OPERATOR)


async def analyze(scene: Scene, house: Interior) -> None:
    await house.analysis.run(scene.session, ALICE)


SCENES: dict[str, tuple[Ready, Act]] = {
    "upload": (nothing, upload),
    "a small upload": (nothing, small_upload),
    "a small recording while the old take waits": (an_upload, small_upload),
    "the same small recording while it waits": (an_upload, small_upload_of_the_same),
    "an upload that breaks off": (nothing, upload_that_breaks_off),
    "recording again while the old take waits": (an_upload, upload),
    "recording again while the old take is in work": (a_silent_worker, upload),
    "recording again when the old take is done": (a_finished_answer, upload),
    "a second take that breaks off": (an_upload, upload_that_breaks_off),
    "transcription": (an_upload, transcribe),
    "transcription of a take that is no longer the newest": (
        two_takes_of_which_the_old_one_was_not_ended,
        transcribe,
    ),
    "transcription after a silent worker": (a_silent_worker, transcribe),
    "a passing failure": (an_engine_that_fails_once, transcribe),
    "waiting for a rate limit": (an_engine_that_has_enough_to_do, transcribe),
    "a refusal": (an_engine_that_refuses, transcribe),
    "a lasting failure": (a_recording_that_is_none, transcribe),
    "giving up": (an_engine_out_of_reach_and_one_delivery_left, transcribe),
    "closing": (an_end_without_its_closing, close),
    "scoring": (a_closed_answer_without_a_score, score),
    "scoring before the answer shows": (an_end_without_its_closing, score),
    "scoring without a scorer": (the_same_and_no_scorer, score),
    "scoring that has to wait": (a_scorer_that_has_enough_to_do, score),
    "scoring after a scorer that fell silent": (a_scorer_that_fell_silent, score),
    "an operator has an answer scored": (an_answer_that_no_scorer_was_had_for, rescore),
    "sweep: a lost ring": (a_lost_ring, sweep),
    "sweep: a silent worker": (a_silent_worker, sweep),
    "sweep: the last delivery": (a_silent_worker_on_the_last_delivery, sweep),
    "sweep: a silent upload": (a_silent_upload, sweep),
    "sweep: an end without its closing": (an_end_without_its_closing, sweep),
    "sweep: kept audio": (kept_audio_whose_time_is_over, sweep),
    "audit": (a_silent_upload, audit),
    "audit: a recording without a record": (a_recording_without_a_record, audit),
    "analyze": (a_finished_answer, analyze),
    "an operator's retry": (a_failed_answer_whose_audio_is_kept, retry),
    "an operator's retry of what was closed late": (a_failed_answer_that_was_not_closed, retry),
    "an operator ends what waits": (an_upload, fail),
    "an operator ends what a worker has": (a_silent_worker, fail),
}
MAIN = ("upload", "a small upload", "the same small recording while it waits", "audit: a recording without a record",
        "recording again while the old take waits", "transcription", "a passing failure",
        "waiting for a rate limit", "giving up", "closing", "scoring", "scoring that has to wait",
        "an operator has an answer scored", "sweep: a silent worker",
        "sweep: a silent upload", "analyze", "an operator's retry", "an operator ends what waits")  # fmt: skip
