"""A worker that opens nothing, and prints whom it was rung for."""

from app.config import Settings
from app.environment import variables
from app.jobs import make_celery
from services.adapters.celery_doorbell import TRANSCRIBE

celery = make_celery(Settings(redis_url=variables()["REDIS_URL"]))


@celery.task(name=TRANSCRIBE)
def hear(id: str) -> None:
    print(f"heard {id}", flush=True)
