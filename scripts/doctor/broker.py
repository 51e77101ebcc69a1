"""Redis or Valkey. Nothing here is failing: answers are kept without it, and wait."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.finding import Finding, ok, warning

LOOK_SECONDS = 3.0


async def looked_at(url: str) -> list[Finding]:
    """Whether it answers, keeps its rings over a restart, and never forgets one for want of memory."""
    try:
        async with Redis.from_url(
            url, socket_timeout=LOOK_SECONDS, socket_connect_timeout=LOOK_SECONDS, decode_responses=True
        ) as redis:
            persistence, memory = await redis.info("persistence"), await redis.info("memory")
    except (RedisError, OSError, ValueError) as trouble:
        todo = "Start it, or correct REDIS_URL. Answers are kept meanwhile; none is transcribed."
        return [warning("Redis", f"not reached: {str(trouble)[:120]}", todo)]
    return [ok("Redis", "answers"), _persistence(persistence), _policy(memory)]


def _persistence(info: dict[str, object]) -> Finding:
    if info.get("aof_enabled") != 1:
        return warning(
            "Redis persistence", "no append-only file", "Set appendonly yes; else a restart loses its rings."
        )
    if info.get("aof_last_write_status") != "ok":
        return warning("Redis persistence", "its last write failed", "Look at Redis' disk and its log.")
    return ok("Redis persistence", "append-only file")


def _policy(info: dict[str, object]) -> Finding:
    policy = str(info.get("maxmemory_policy"))
    if policy != "noeviction":
        return warning("Redis memory", f"maxmemory-policy {policy}", "Set maxmemory-policy noeviction.")
    return ok("Redis memory", policy)
