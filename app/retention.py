"""The policy of retention, as the settings say it."""

from collections.abc import Mapping

from services.operations.ports.retained import RecordKind
from services.operations.retention import DAY, Policy, bounds_of
from services.webhooks.dispatch import GIVE_UP_SECONDS


def names_of(kind: RecordKind) -> tuple[str, str]:
    """The settings of a kind: its least, and its most days."""
    return f"retain_{kind.value}_least_days", f"retain_{kind.value}_days"


def policy_of(values: Mapping[str, str]) -> Policy:
    """The policy that these settings make."""
    names = {kind: names_of(kind) for kind in RecordKind}
    return Policy(
        least={kind: bounds_of(values[least], least.upper()) for kind, (least, _) in names.items()},
        most={kind: bounds_of(values[most], most.upper()) for kind, (_, most) in names.items()},
    )


def conflict(policy: Policy, failed_audio_hours: float) -> str | None:
    """Why the policy cannot be met, in one sentence; None where it can."""
    found = policy.conflicts(failed_audio_days=failed_audio_hours * 3600 / DAY, redelivery_days=GIVE_UP_SECONDS / DAY)
    return f"the policy of retention cannot be met: {'; '.join(found)}" if found else None
