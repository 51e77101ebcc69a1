"""Importing a module does nothing: whatever a fork could inherit is made later."""

import json
import subprocess
import sys

from scripts.stack.layout import ROOT

WALK = """
import asyncio, gc, importlib, json, os, pkgutil, sys, threading
import psutil

ROOMS = ("app", "routes", "services", "scripts")
FORBIDDEN = {
    "pymongo": ("AsyncMongoClient", "MongoClient"),
    "redis": ("Redis", "Connection", "ConnectionPool"),
    "redis.asyncio": ("Redis", "Connection", "ConnectionPool"),
    "faster_whisper": ("WhisperModel",),
    "ctranslate2": ("Translator", "Generator"),
    "ctranslate2.models": ("Whisper",),
    "onnxruntime": ("InferenceSession",),
    "openai": ("OpenAI", "AsyncOpenAI"),
    "httpx2": ("Client", "AsyncClient"),
    "asyncio": ("AbstractEventLoop",),
    "concurrent.futures": ("Executor",),
    "socket": ("socket",),
    "subprocess": ("Popen",),
}

def names():
    yield "celery_app"
    for room in ROOMS:
        package = importlib.import_module(room)
        yield room
        yield from (found.name for found in pkgutil.walk_packages(package.__path__, f"{room}."))

def files():
    process = psutil.Process()
    return {f"{fd}: {os.readlink(f'/proc/self/fd/{fd}')}" for fd in os.listdir("/proc/self/fd") if is_open(fd)}

def is_open(fd):
    try:
        os.fstat(int(fd))
    except OSError:
        return False
    return True

def kinds():
    for module, names in FORBIDDEN.items():
        if module in sys.modules:
            yield from (getattr(sys.modules[module], name) for name in names)

def made():
    gc.collect()
    wanted = tuple(kinds())
    found = {type(each) for each in gc.get_objects() if issubclass(type(each), wanted)}
    return sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in found)

before, seen, trouble = files(), [], {}
for name in names():
    importlib.import_module(name)
    seen.append(name)
    threads = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    new = sorted(files() - before)
    if name == "celery_app":
        hosted = "openai" in sys.modules
    if threads or new:
        trouble[name] = [threads, new]
        break
if psutil.Process().net_connections() or psutil.Process().children():
    trouble["any"] = "has a connection or a child"
try:
    asyncio.get_running_loop()
    trouble["loop"] = "runs"
except RuntimeError:
    pass
told = {"seen": seen, "trouble": trouble, "made": made(), "natives": psutil.Process().num_threads(), "hosted": hosted}
print(json.dumps(told))
"""
QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}


def test_no_module_makes_a_client_a_loop_a_thread_a_socket_or_a_model() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WALK], cwd=ROOT, env=QUIET, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["trouble"], found["made"]) == ({}, [])
    assert found["natives"] == 1, "a library's own thread would not survive a fork"
    assert not found["hosted"], "a worker, beat and upkeep import OpenAI's client only where it is asked for"
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in ("app", "routes", "services", "scripts")
        for file in (ROOT / room).rglob("*.py")
        if (file.parent / "__init__.py").is_file()
    }
    assert set(found["seen"]) >= modules | {"celery_app"}
