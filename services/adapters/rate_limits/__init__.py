"""The rates of who asks (rates.py); what is counted in one moment goes to Redis or Valkey in one (together.py)."""

from services.adapters.rate_limits.rates import StoredRateLimits

__all__ = ["StoredRateLimits"]
