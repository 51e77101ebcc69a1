"""The Celery object: how jobs travel. A message carries an id; losing or doubling it must not matter."""

from typing import Any, Self

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Queue

from app.config import Settings
from app.steady_schedule import Clock, Steady
from services.adapters.celery_doorbell import DELIVER

QUEUE = "celery"
UPKEEP_QUEUE = "upkeep"
SWEEP = "sweep_task"
AUDIT = "audit_audio_task"

SOFT_LIMIT = 780
HARD_LIMIT = 840
VISIBILITY_TIMEOUT = 1800
LONGEST_RETRY_SECONDS = 3
SWEEPS_PER_AUDIT = 12


class Patient(Connection):
    """A connection that is tried again soon, however long the broker is away."""

    def ensure_connection(self, *tried: Any, **options: Any) -> Self:
        soon = {"interval_start": 1, "interval_step": 1, "interval_max": LONGEST_RETRY_SECONDS}
        super().ensure_connection(*tried, **{**soon, **options})
        return self


class Amqp(AMQP):
    Connection = Patient


def make_celery(settings: Settings, *, socket_timeout: float = 10.0) -> Celery:
    """A configured Celery object; nothing is opened."""
    celery = Celery("interview_service", broker=settings.redis_url, amqp=Amqp, set_as_current=False)
    celery.conf.update(
        task_serializer="json",
        accept_content=["json"],
        timezone="UTC",
        enable_utc=True,
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_track_started=True,
        task_soft_time_limit=SOFT_LIMIT,
        task_time_limit=HARD_LIMIT,
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE), Queue(UPKEEP_QUEUE)],
        task_routes={task: {"queue": UPKEEP_QUEUE} for task in (SWEEP, AUDIT, DELIVER)},
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2},
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "socket_timeout": socket_timeout,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,  # what it refuses is no reason to end
        worker_consumer="app.patient_consumer:PatientConsumer",
        worker_pool="threads",
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=200,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        beat_schedule=_schedule(settings),
        beat_scheduler="app.steady_schedule:Scheduler",
    )
    return celery


def _schedule(settings: Settings) -> dict[str, dict[str, object]]:
    """No order expires, which would be by beat's clock; what has piled up does nothing, see `Upkeep.take_turn`."""
    clock = Clock()
    return {
        "sweep": {"task": SWEEP, "schedule": Steady(settings.sweep_seconds, clock)},
        "audit": {"task": AUDIT, "schedule": Steady(audit_seconds(settings), clock)},
    }


def audit_seconds(settings: Settings) -> float:
    """How often the audit runs."""
    return settings.sweep_seconds * SWEEPS_PER_AUDIT
