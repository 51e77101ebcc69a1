"""The settings of a command, or its end with a sentence that says what they lack."""

from app.config import Settings, StackSettings
from app.environment import settings_or_end, strangers
from app.logs import configure_logs, warn_of
from app.receipts import receipts_lack


def settings_of_command(*, signs: bool = False) -> Settings:
    """Those of the environment; what looks like one and is none is warned of.

    The process ends where they cannot be used; of a command that `signs` deletion receipts, also without a key for it.
    """
    settings = settings_or_end(Settings)
    configure_logs(settings)
    warn_of(strangers(Settings, StackSettings))
    if signs and (lack := receipts_lack(settings)):
        raise SystemExit(lack)
    return settings
