"""One transcript out of what was said in the stretches of a recording."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from services.interviews.transcript import Flaw, Segment, Transcript, Utterance
from services.transcription.verdicts import judged


def whole(utterances: Sequence[Utterance], channels: int, flaws: tuple[Flaw, ...]) -> Transcript:
    """All that was said in a recording; of two channels the left's, with the right's beside it."""
    if channels == 1:
        return together(utterances, flaws)
    left, right = ([one for one in utterances if one.channel == channel] for channel in (0, 1))
    return replace(together(left, flaws), right=together(right, flaws))


def together(utterances: Sequence[Utterance], flaws: tuple[Flaw, ...]) -> Transcript:
    """All of it in order, judged as a whole; what is true of one stretch alone is left as it is."""
    heard = [span for utterance in utterances for span in utterance.heard]
    flaws = (*(flaw for utterance in utterances for flaw in utterance.flaws), *flaws)
    warnings = tuple(dict.fromkeys(flaw.code for flaw in flaws))
    return replace(judged(_joined(utterances), heard), warnings=warnings, flaws=flaws, heard=tuple(heard))


def _joined(utterances: Sequence[Utterance]) -> Transcript:
    last, said = utterances[-1], [utterance.transcript for utterance in utterances]
    if len(said) == 1:
        return said[0]
    latest = next((one for one in reversed(said) if one.engine), said[-1])
    return Transcript(
        text=" ".join(one.text for one in said if one.text),
        language=next((one.language for one in said if one.language), None),
        language_probability=next((one.language_probability for one in said if one.language), None),
        duration=last.start + last.transcript.duration,
        segments=tuple(segments_of(utterances)),
        no_speech=all(one.no_speech for one in said),
        engine=latest.engine,
        model=latest.model,
    )


def segments_of(utterances: Sequence[Utterance]) -> Iterator[Segment]:
    """None where no stretch has any; else all text stands in one, if need be one as long as its stretch."""
    if not any(utterance.transcript.segments for utterance in utterances):
        return
    for utterance in utterances:
        said = utterance.transcript
        yield from said.segments
        if said.text and not said.segments:
            yield Segment(text=said.text, start=utterance.start, end=utterance.start + said.duration)
