"""How the tests start Chromium."""

from pathlib import Path

QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def with_microphone(recording: Path) -> list[str]:
    """Flags for a browser that hears this file, from its start each time the microphone is opened."""
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    return [*QUIET, *fake, f"--use-file-for-fake-audio-capture={recording}%noloop"]
