"""Where each piece of sound stands in the recording."""

from services.adapters.av_decoder.flaws import Flaws
from services.errors import AudioTooLong

TOLERANCE = 0.5
LEAST_GAP = 0.1
LONGEST_PAUSE = 0.5


class Timeline:
    """Counts what was decoded, and says how much silence belongs before what comes next.

    Chrome's MP4 leaps by 31 to 48 ms at each fragment with nothing missing, so that less than LEAST_GAP is no gap.
    With `fills` off the cap is left to sound: gaps are told, and left out.
    """

    def __init__(self, most: float, flaws: Flaws, fills: bool) -> None:
        self.most = most + TOLERANCE
        self.flaws = flaws
        self.fills = fills
        self.sounded = self.silent = 0.0
        self.origin: float | None = None
        self.expected = 0.0

    @property
    def position(self) -> float:
        return self.sounded + self.silent

    def begin(self) -> None:
        """From here on times begin anew."""
        self.origin = None

    def silence_before(self, time: float, seconds: float, is_pause: bool) -> float:
        """The silence that belongs before sound of this time; `is_pause` where the sender may have gone silent."""
        leap = 0.0 if self.origin is None else time - self.expected
        if self.origin is None or leap <= -LEAST_GAP:
            if leap < 0:
                self.flaws.add("joined", self.position)
            self.origin = time - self.position
        self.expected = time + seconds
        missing = time - self.origin - self.position
        if leap < LEAST_GAP or missing < LEAST_GAP:
            return 0.0
        if not (is_pause and leap <= LONGEST_PAUSE):
            self.flaws.add("gap", self.position, missing)
        return self._filled(missing)

    def count(self, seconds: float) -> None:
        """Sound was decoded. AudioTooLong as soon as it passes the cap."""
        self.sounded += seconds
        if self.sounded > self.most:
            raise AudioTooLong

    @property
    def is_over(self) -> bool:
        """The cap is passed, and by silence only."""
        return self.position > self.most

    def _filled(self, missing: float) -> float:
        if not self.fills or self.position + missing > self.most:
            self.origin = (self.origin or 0.0) + missing
            return 0.0
        self.silent += missing
        return missing
