"""The settings, as far as they can be judged by themselves."""

from app.config import Settings
from app.engines import scorer_lack
from app.finding import Finding, failing, ok, warning
from app.main import make_tokens
from app.receipts import receipts_lack

LEAST_TOKEN = 16
LEAST_LEASE = 20.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def looked_at(settings: Settings) -> list[Finding]:
    """What the settings say of the process that runs here."""
    found = [_tokens(settings), _metrics(settings)] if settings.process in ("all", "api") else []
    found += [_lease(settings), _receipts(settings), *_rtp(settings)]
    return found + _scorer(settings) if settings.process in ("all", "worker") else found


def _tokens(settings: Settings) -> Finding:
    try:
        make_tokens(settings)
    except ValueError as trouble:
        return failing("Bearer tokens", str(trouble), "Set JWT_SECRET (openssl rand -hex 32) or JWKS_URL.")
    return ok("Bearer tokens", "by JWKS_URL" if settings.jwks_url else "by JWT_SECRET")


def _metrics(settings: Settings) -> Finding:
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
    if 0 < len(token) < LEAST_TOKEN:
        return warning("Metrics token", f"{len(token)} characters", f"Set METRICS_TOKEN to {LEAST_TOKEN} or more.")
    return ok("Metrics token", "set" if token else "not set: only an admin reads /metrics")


def _lease(settings: Settings) -> Finding:
    said = f"LEASE_SECONDS {settings.lease_seconds:g}, SWEEP_SECONDS {settings.sweep_seconds:g}"
    if settings.lease_seconds < LEAST_LEASE:
        todo = f"Set LEASE_SECONDS to {LEAST_LEASE:g} or more: a short pause of a worker loses its claims."
        return warning("Lease", said, todo)
    if settings.sweep_seconds > settings.lease_seconds:
        return warning("Lease", said, "Set SWEEP_SECONDS below LEASE_SECONDS: dead workers are found late.")
    return ok("Lease", said)


def _receipts(settings: Settings) -> Finding:
    if lack := receipts_lack(settings):
        return failing("Deletion receipts", lack, "Give RECEIPT_KEYS a folder with an Ed25519 key.")
    if settings.receipt_keys is None:
        return warning("Deletion receipts", "none are made", "Set RECEIPT_KEYS; docs/proof.md says how.")
    return ok("Deletion receipts", f"signed by a key in {settings.receipt_keys}")


def _rtp(settings: Settings) -> list[Finding]:
    """Where calls are taken in by UDP, and whether senders beyond this machine find that."""
    if settings.rtp_ports is None:
        lack = failing("RTP", "RTP_PORTS is not set", "Set it to the UDP ports at which calls are taken in.")
        return [lack] if settings.process == "rtp" else []
    said = f"ports {settings.rtp_ports} of {settings.rtp_host}"
    if settings.rtp_bind not in LOOPBACK and settings.rtp_host in LOOPBACK:
        return [warning("RTP", said, "Set RTP_HOST to the address by which senders find this machine.")]
    return [ok("RTP", said)]


def _scorer(settings: Settings) -> list[Finding]:
    if not settings.uses_hosted_scorer:
        return []
    if lack := scorer_lack(settings):
        return [failing("Scorer", lack, "Set OPENAI_API_KEY and SCORER_MODEL.")]
    return [ok("Scorer", f"hosted, {settings.scorer_model}")]
