"""Speech recognised on this machine: LocalSpeech (engine.py) on a Whisper that encodes short windows (whisper.py)."""

from services.adapters.local_speech.engine import LocalSpeech

__all__ = ["LocalSpeech"]
