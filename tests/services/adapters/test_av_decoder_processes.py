"""The processes that decode: what becomes of them, whatever they are sent and whoever ends them."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from services.adapters.av_decoder import AvDecoder, fork_client
from services.errors import AudioUnreadable, EngineUnavailable, Problem
from services.transcription.ports import Recording
from tests import audio
from tests.at_length import long_but
from tests.logs import captured

ME = psutil.Process()
MOST_SECONDS, MOST_BYTES = 60.0, 30 * 1024 * 1024


OTHERS: set[int] = set()


@pytest.fixture
async def decoder() -> AsyncIterator[AvDecoder]:
    OTHERS.clear()
    OTHERS.update(template.pid for template in templates())
    decoder = AvDecoder(MOST_SECONDS, MOST_BYTES)
    yield decoder
    await decoder.close()


async def decode(decoder: AvDecoder, data: bytes) -> Recording:
    return await decoder.decode(audio.arriving(data))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def templates() -> list[psutil.Process]:
    """Those of the test's decoder."""
    found = [child for child in ME.children() if "av_decoder.fork_server" in _command_of(child)]
    return [template for template in found if template.pid not in OTHERS]


def _command_of(process: psutil.Process) -> str:
    """Nothing for one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def children() -> list[psutil.Process]:
    return [child for template in templates() for child in template.children()]


def files() -> int:
    """How many this process has open, without connections: others' come and go beside a test."""
    return ME.num_fds() - len({connection.fd for connection in ME.net_connections("inet")} - {-1})


async def test_nothing_is_left_of_a_recording(decoder: AvDecoder) -> None:
    await decode(decoder, audio.encoded("wav", 1.0))
    before, (template,) = files(), templates()
    inside = template.num_fds()
    await decode(decoder, audio.encoded("wav", 1.0))
    assert template.children() == []
    for bad in (b"text", audio.wav(audio.silence(99))):
        with pytest.raises(Problem):
            await decode(decoder, bad)
        await until(lambda: not children())
    await until(lambda: files() <= before)
    assert template.num_fds() == inside


async def _stuck(begun: asyncio.Event) -> AsyncIterator[bytes]:
    yield audio.wav(audio.silence(1.0))
    begun.set()
    await asyncio.Event().wait()


async def test_who_hangs_up_ends_the_child(decoder: AvDecoder) -> None:
    begun = asyncio.Event()
    before = files()
    task = asyncio.create_task(decoder.decode(_stuck(begun)))
    await begun.wait()
    assert len(children()) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not children())
    await decoder.close()
    await until(lambda: files() <= before)
    assert templates() == []


CRASHES = ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGXCPU"]


@pytest.mark.parametrize("name", long_but("SIGSEGV", "SIGXCPU", of=CRASHES))
async def test_a_child_that_crashes_or_uses_up_its_time_is_a_verdict_on_the_recording(
    decoder: AvDecoder, name: str
) -> None:
    with pytest.raises(AudioUnreadable):
        await decoder.decode(_then(lambda: children()[0].send_signal(signal.Signals[name])))
    assert children() == []
    assert (await decode(decoder, audio.encoded("wav", 1.0))).duration == pytest.approx(1.0)


@pytest.mark.parametrize("name", long_but("SIGKILL", of=["SIGKILL", "SIGTERM"]))
async def test_a_child_that_is_killed_from_outside_is_no_verdict(decoder: AvDecoder, name: str) -> None:
    with pytest.raises(EngineUnavailable):
        await decoder.decode(_then(lambda: children()[0].send_signal(signal.Signals[name])))
    assert children() == []
    assert (await decode(decoder, audio.encoded("wav", 1.0))).duration == pytest.approx(1.0)


async def test_a_template_that_dies_with_its_child_is_no_verdict(decoder: AvDecoder) -> None:
    def kill_both() -> None:
        (template,), (child,) = templates(), children()
        template.kill()
        child.kill()

    with pytest.raises(EngineUnavailable):
        await decoder.decode(_then(kill_both))
    assert (await decode(decoder, audio.encoded("wav", 1.0))).duration == pytest.approx(1.0)


async def _then(act: Callable[[], None]) -> AsyncIterator[bytes]:
    yield audio.wav(audio.silence(1.0))
    act()
    await until(lambda: not children())
    yield bytes(3_000_000)


async def test_a_template_that_died_is_replaced(decoder: AvDecoder) -> None:
    await decode(decoder, audio.encoded("wav", 1.0))
    (template,) = templates()
    template.kill()
    assert (await decode(decoder, audio.encoded("wav", 1.0))).duration == pytest.approx(1.0)


async def test_a_template_that_cannot_start_is_no_verdict(decoder: AvDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_client, "START", "raise SystemExit(1)")
    with pytest.raises(EngineUnavailable):
        await decode(decoder, audio.encoded("wav", 1.0))


FAILING = "import os, services.adapters.av_decoder.fork_server as t; t.hand_over = lambda *_, **__: {}; t.serve()"


async def test_an_error_that_nobody_foresaw_is_no_verdict_and_is_named(
    decoder: AvDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_client, "START", FAILING.format("1 / 0"))
    with captured() as logs, pytest.raises(EngineUnavailable, match="ZeroDivisionError at"):
        await decode(decoder, audio.encoded("wav", 1.0))
    (told,) = [line for line in logs if line["event"] == "decoder failed"]
    assert (told["log_level"], told["error"].split()[0]) == ("error", "ZeroDivisionError")


async def test_a_child_that_ends_without_a_word_is_no_verdict(
    decoder: AvDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_client, "START", FAILING.format("os._exit(3)"))
    with pytest.raises(EngineUnavailable):
        await decode(decoder, audio.encoded("wav", 1.0))


async def test_a_recording_that_takes_more_memory_than_is_allowed_is_unreadable(
    decoder: AvDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_client, "START", FAILING.format("bytearray(2**31)"))
    with pytest.raises(AudioUnreadable):
        await decode(decoder, audio.encoded("wav", 1.0))


async def test_closing_is_no_verdict_on_the_recording(decoder: AvDecoder) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.set()
        await go.wait()
        yield b"RIFF"

    task = asyncio.create_task(decoder.decode(slow()))
    await begun.wait()
    await decoder.close()
    go.set()
    with pytest.raises(EngineUnavailable):
        await task
    assert templates() == []


async def test_a_failing_source_ends_the_child(decoder: AvDecoder) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"RIFF"
        raise AudioUnreadable("gone")

    with pytest.raises(AudioUnreadable, match="gone"):
        await decoder.decode(broken())
    await until(lambda: not children())


async def test_no_file_and_no_socket_can_be_opened(tmp_path: Path) -> None:
    program = (
        "import os, socket\n"
        "from services.adapters.av_decoder.sandbox import enter_sandbox\n"
        "from services.adapters.av_decoder.protocol import Caps\n"
        "said = os.dup(1)\n"
        "def tried(act):\n"
        "    try: act()\n"
        "    except (OSError, MemoryError): return 'no'\n"
        "    return 'yes'\n"
        "enter_sandbox(Caps(60, 1000))\n"
        "acts = [lambda: open('/etc/hostname'), socket.socket, lambda: bytearray(2 ** 30)]\n"
        "os.write(said, ' '.join(map(tried, acts)).encode())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "no no no"


async def test_the_template_inherits_no_secret(decoder: AvDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "do not tell")
    await decode(decoder, audio.encoded("wav", 1.0))
    (template,) = templates()
    assert "JWT_SECRET" not in template.environ()
    assert len(template.threads()) == 1


async def test_a_loop_in_another_thread_may_decode() -> None:
    got: list[float] = []

    async def work() -> None:
        decoder = AvDecoder(MOST_SECONDS, MOST_BYTES)
        got.append((await decode(decoder, audio.encoded("webm", 1.0))).duration)
        await decoder.close()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert got == [pytest.approx(1.0)]


async def test_the_loop_keeps_beating(decoder: AvDecoder) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)

    heart = asyncio.create_task(beat())
    await decode(decoder, audio.encoded("webm", 50.0))
    heart.cancel()
    assert beats > 5


def test_importing_starts_nothing() -> None:
    program = "import os, threading, services.adapters.av_decoder as d; print(threading.active_count(), 'av' in dir(d))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1 False\n"
