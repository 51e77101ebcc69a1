"""Speech recognised on this machine.

LocalSpeech (engine.py) cuts a recording into windows (windows.py), whose tasks
(tasks.py) take turns on a few threads (scheduler.py). Whisper (whisper.py) encodes
short windows, decodes some together, believes or doubts what came out
(hypotheses.py) and tells when it was said (timestamps.py), on a device (device.py).
"""

from services.adapters.local_speech.device import Device
from services.adapters.local_speech.engine import LocalSpeech
from services.adapters.local_speech.idle import IdleSpeech

__all__ = ["Device", "IdleSpeech", "LocalSpeech"]
