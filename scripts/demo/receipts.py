"""Fetch the receipts of what was deleted, and check them as anybody could."""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

from client import VivaVoce
from services.adapters.receipt_keys import ReceiptVerifier
from services.recordings.receipt_chain import Head, Line, check


@dataclass(frozen=True, slots=True)
class Checked:
    """What the last receipt claims, and how the whole chain stands up to its published head."""

    claims: dict[str, Any]
    sound: int
    faults: list[str]


def check_receipts(client: VivaVoce) -> Checked:
    """Check the whole chain of whoever asks against the published keys and head."""
    receipts = list(client.receipts())
    if not receipts:
        return Checked({}, 0, ["there is no receipt"])
    published = client.receipt_head(receipts[0]["chain"])
    head = Head(published["chain"], published["seq"], published["hash"])
    lines = [Line(f"receipt {receipt['seq']}", receipt["receipt"]) for receipt in receipts]
    found = check(lines, ReceiptVerifier(client.receipt_keys()).verify, heads=[head])
    faults = [f"{fault.place}: {fault.what}" for fault in found.faults]
    return Checked(_claims(receipts[-1]["receipt"]), found.sound, faults)


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims
