"""Speech recognition by OpenAI's API, or by any server that speaks it.

OpenAISpeech (engine.py) has a recording packed (packing.py) and asks; what is refused gets its meaning in refusals.py.
"""

from services.adapters.openai_speech.engine import MODELS, OpenAISpeech, capabilities
from services.adapters.openai_speech.packing import packed

__all__ = ["MODELS", "OpenAISpeech", "capabilities", "packed"]
