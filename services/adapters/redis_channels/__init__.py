"""What processes say to each other through channels of Redis or Valkey, which keep nothing of it.

Hints that a session has news (hints.py), what is being said right now (interim.py), and tests of microphones on their
way to a worker and back (microphone_tests.py); all speak to the server through connection.py.
"""

from services.adapters.redis_channels.hints import RedisHints
from services.adapters.redis_channels.interim import RedisInterimTexts
from services.adapters.redis_channels.microphone_tests import RedisMicrophoneTests, RedisTestListener

__all__ = ["RedisHints", "RedisInterimTexts", "RedisMicrophoneTests", "RedisTestListener"]
