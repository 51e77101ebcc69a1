import pytest

from services.adapters.av_decoder import AvDecoder
from services.adapters.openai_speech import packed
from tests.audio import arriving
from tests.chaos.recordings import SECONDS, number_of, recording, said


@pytest.mark.parametrize("number", [0, 7, 401])
async def test_a_recording_tells_its_number_after_decoding_and_packing(number: int) -> None:
    decoder = AvDecoder(60.0, 50_000_000)
    try:
        heard = await decoder.decode(arriving(recording(number)))
    finally:
        await decoder.close()
    assert heard.duration == pytest.approx(SECONDS + number / 100, abs=0.001)
    assert number_of(packed(heard.pcm, 25_000_000)[1]) == number


def test_no_two_answers_say_the_same() -> None:
    assert said(1) != said(2)
