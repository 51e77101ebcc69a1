"""What is read once more is read in the language that was heard before, or in one of those that may be spoken."""

from services.interviews.language import Language
from services.interviews.model import Part
from services.interviews.transcript import Segment, Span, Transcript, silence
from services.transcription.listening import Listening
from services.transcription.ports import Activity, Recording, Speech
from tests.fakes.audio import FakeAudio
from tests.fakes.memory import Memory
from tests.in_memory import Ears
from tests.services.adapters.stores import a_part

GERMAN, BOTH = Language("de"), (Language("en"), Language("de"))
BEGINNING = Segment(text="Ein Index", start=0.0, end=2.0)


class Hasty(Ears):
    """Stops reading after two of ten seconds, or at once."""

    def __init__(self, *first: Segment) -> None:
        super().__init__()
        self.first = first
        self.given: list[Speech] = []

    async def find(self, recording: Recording) -> Activity:
        return Activity([Span(0.0, 10.0)], [Span(0.0, 10.0)])

    async def transcribe(self, speech: Speech) -> Transcript:
        self.given.append(speech)
        if not self.first:
            return silence(10.0)
        text = " ".join(segment.text for segment in self.first)
        return Transcript(text=text, language=GERMAN, language_probability=0.8, duration=10.0, segments=self.first)


async def read(part: Part, ears: Hasty) -> tuple[Transcript, Speech]:
    memory = Memory()
    memory.files[part.id] = {}
    listening = Listening(audio=FakeAudio(memory), decoder=ears, activity=ears, engine=ears)
    heard = await listening.listen_through(part)
    again = ears.given[1]
    return heard, again


async def test_the_rest_is_in_the_language_of_the_beginning() -> None:
    heard, again = await read(a_part(), Hasty(BEGINNING))
    assert (again.language, again.languages) == (GERMAN, ())
    assert (heard.language, heard.language_probability) == (GERMAN, 0.8)


async def test_where_nothing_was_read_anything_that_may_be_spoken_may_be_the_rest() -> None:
    _, again = await read(a_part(), Hasty())
    assert (again.language, again.languages) == (GERMAN, BOTH)
