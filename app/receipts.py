"""The keys that sign deletion receipts, where the settings name any."""

from collections.abc import Mapping
from typing import Any

from app.config import Settings
from services.adapters.receipt_keys import BadReceiptKeys, ReceiptKeys


def receipt_keys(settings: Settings) -> ReceiptKeys | None:
    """BadReceiptKeys, with what to do, where the folder cannot be used."""
    return ReceiptKeys.of_folder(settings.receipt_keys) if settings.receipt_keys else None


def published_keys(settings: Settings) -> Mapping[str, Any]:
    """A JWK set of what verifies the receipts; empty where none are made."""
    keys = receipt_keys(settings)
    return keys.published() if keys else {"keys": []}


def receipts_lack(settings: Settings) -> str:
    """Why no receipt can be signed though the settings ask for it; empty if nothing is in the way."""
    try:
        receipt_keys(settings)
    except BadReceiptKeys as bad:
        return str(bad)
    return ""
