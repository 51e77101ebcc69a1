"""Programs that send and read Opus, as Debian has them."""

import asyncio
import shutil
import wave
from pathlib import Path

import pytest

from services.calls.packets.opus import RATE
from tests.calls.sender import Datagram
from tests.calls.sound import Samples

MOST_SECONDS = 300.0
PACKAGES = {
    "ffmpeg": "ffmpeg",
    "gst-launch-1.0": "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good",
    "opusinfo": "opus-tools",
    "opusdec": "opus-tools",
}


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips a test on a machine without them, and says what to install."""
    missing = [program for program in programs if shutil.which(program) is None]
    packages = " ".join(sorted({PACKAGES[program] for program in missing}))
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: apt-get install {packages}")


def save(sound: Samples, path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


async def run(*command: str | Path) -> str:
    """What it prints; it must end well."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(MOST_SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    text = printed.decode(errors="replace")
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}: {text}"
    return text


class Receiver(asyncio.DatagramProtocol):
    """Keeps what comes, with the loop's time since it was made."""

    def __init__(self) -> None:
        self.came: list[Datagram] = []
        self._began = asyncio.get_running_loop().time()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.append(Datagram(asyncio.get_running_loop().time() - self._began, data))


async def sent(*command: str | Path) -> list[Datagram]:
    """What a program sends to loopback; PORT in its arguments is where to."""
    loop = asyncio.get_running_loop()
    transport, receiver = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    port = str(transport.get_extra_info("sockname")[1])
    try:
        await run(*(str(argument).replace("PORT", port) for argument in command))
        count = -1
        while count != len(receiver.came):
            count = len(receiver.came)
            await asyncio.sleep(0.1)
    finally:
        transport.close()
    return receiver.came
