"""Redis or Valkey. Where it is away answers are kept, and wait; one that takes nothing waits for an operator."""

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from app.finding import Finding, failing, ok, warning
from services.adapters.celery_doorbell import PROBE

LOOK_SECONDS = 3.0


async def looked_at(url: str) -> list[Finding]:
    """Whether it answers, keeps its rings over a restart, and never forgets one for want of memory."""
    try:
        async with Redis.from_url(
            url, socket_timeout=LOOK_SECONDS, socket_connect_timeout=LOOK_SECONDS, decode_responses=True
        ) as redis:
            persistence, memory = await redis.info("persistence"), await redis.info("memory")
            refusal = await _refusal(redis)
    except (RedisError, OSError, ValueError) as trouble:
        todo = "Start it, or correct REDIS_URL. Answers are kept meanwhile; none is transcribed."
        return [warning("Redis", f"not reached: {str(trouble)[:120]}", todo)]
    return [_answer(refusal), _persistence(persistence), _policy(memory)]


def _answer(refusal: str | None) -> Finding:
    if refusal is None:
        return ok("Redis", "answers")
    todo = "Give it memory or disk, or point REDIS_URL to the primary. Answers are kept; none is transcribed."
    return failing("Redis", f"it answers and takes nothing: {refusal}", todo)


async def _refusal(redis: Redis) -> str | None:
    """Why it takes no write: it is full, cannot reach its disk, or is a copy of another."""
    try:
        await redis.set(PROBE, "", ex=60)
    except ResponseError as refusal:
        return str(refusal)[:120]
    return None


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
