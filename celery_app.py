"""The worker's door: job messages become calls. Run by `celery -A celery_app worker`.

Task names are a contract: they outlive moves and renames. A newer process may
send more with a task than this one knows, which is ignored. Nothing is opened
before the worker is ready, so that a fork finds nothing to inherit.
"""

from typing import Any

import structlog
from celery import signals
from celery.concurrency.prefork import TaskPool as Forking
from celery.exceptions import WorkerShutdown
from celery.platforms import EX_FAILURE

from app.config import Settings, StackSettings
from app.engines import SettingsLack, speech_kind
from app.environment import settings_or_end, strangers
from app.jobs import AUDIT, QUEUE, SWEEP, make_celery
from app.logs import configure_logs, warn_of, warn_of_unused
from app.worker import Process
from services.adapters.celery_doorbell import DELIVER, SCORE, TRANSCRIBE
from services.interviews.model import PartId

log = structlog.get_logger(__name__)

settings = settings_or_end(Settings)
celery = make_celery(settings)
celery.conf.worker_concurrency = speech_kind(settings).in_hand
process = Process(settings)


@celery.task(name=TRANSCRIBE)
def transcribe_audio_task(id: str, *_: object, **__: object) -> None:
    process.run(lambda wiring: wiring.transcription.run(PartId(id)))


@celery.task(name=SCORE)
def score_answer_task(id: str, *_: object, **__: object) -> None:
    process.run(lambda wiring: wiring.scoring.run(PartId(id)))


@celery.task(name=DELIVER)
def deliver_webhooks_task(*_: object, **__: object) -> None:
    process.run(lambda wiring: wiring.deliver())


@celery.task(name=SWEEP)
def sweep_task(*_: object, **__: object) -> None:
    process.run(lambda wiring: wiring.sweep())


@celery.task(name=AUDIT)
def audit_audio_task(*_: object, **__: object) -> None:
    process.run(lambda wiring: wiring.audit())


@signals.setup_logging.connect
def _on_logging(**_: Any) -> None:
    configure_logs(settings)
    warn_of(strangers(Settings, StackSettings))
    warn_of_unused(settings.unused)


@signals.celeryd_init.connect
def _on_init(sender: str, instance: Any, **_: Any) -> None:
    configure_logs(settings)
    instance.quiet = settings.log_format == "json"  # a banner is no line of JSON
    process.call(sender)


@signals.worker_process_init.connect
def _on_fork(**_: Any) -> None:
    process.begin_anew()


@signals.worker_process_shutdown.connect
def _on_child_shutdown(**_: Any) -> None:
    process.close()


@signals.worker_ready.connect
def _on_ready(sender: Any, **_: Any) -> None:
    listens = any(queue.name == QUEUE for queue in sender.task_consumer.queues)
    try:
        process.open(listens=listens, works=not isinstance(sender.pool, Forking))
    except SettingsLack as lack:
        log.error("the worker cannot work", reason=str(lack))
        raise WorkerShutdown(EX_FAILURE) from None
    except Exception as error:
        log.exception("the worker cannot work")
        raise WorkerShutdown(EX_FAILURE) from error


@signals.heartbeat_sent.connect
def _on_heartbeat(**_: Any) -> None:
    if settings.heartbeat_file is not None:
        settings.heartbeat_file.touch()


@signals.worker_shutting_down.connect
def _on_shutting_down(**_: Any) -> None:
    process.drain()


@signals.worker_shutdown.connect
def _on_shutdown(sender: Any, **_: Any) -> None:
    process.close()
    if process.gave_up:
        sender.exitcode = EX_FAILURE
