"""What processes say to each other through channels of Redis or Valkey, which keep nothing of it.

Hints that a session has news (hints.py), and tests of microphones on their way to a worker and back
(microphone_tests.py); both speak to the server through connection.py.
"""

from services.adapters.redis_channels.hints import RedisHints
from services.adapters.redis_channels.microphone_tests import RedisMicrophoneTests, RedisTestListener

__all__ = ["RedisHints", "RedisMicrophoneTests", "RedisTestListener"]
