"""Speaks the demo's answers: `python -m scripts.demo.make_samples`, with the program flite on the PATH."""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import av

HERE = Path(__file__).parent
RATE = 48_000
BITS_PER_SECOND = 24_000


def main() -> None:
    """Make one small WebM file of each answer in interview.json."""
    interview = json.loads((HERE / "interview.json").read_text(encoding="utf-8"))
    for question in interview["questions"]:
        with TemporaryDirectory() as folder:
            spoken = Path(folder) / "spoken.wav"
            subprocess.run(["flite", "-voice", question["voice"], "-t", question["said"], "-o", spoken], check=True)
            encode(spoken, HERE / question["audio"])


def encode(spoken: Path, made: Path) -> None:
    """Write the sound of one file as Opus in WebM."""
    with av.open(spoken) as source, av.open(made, "w", format="webm") as target:
        stream = target.add_stream("libopus", rate=RATE, layout="mono", bit_rate=BITS_PER_SECOND)
        resampler = av.AudioResampler("s16", "mono", RATE)
        for frame in [*source.decode(audio=0), None]:
            for piece in resampler.resample(frame):
                target.mux(stream.encode(piece))
        target.mux(stream.encode(None))


if __name__ == "__main__":
    main()
