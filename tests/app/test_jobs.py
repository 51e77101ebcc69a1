"""How the broker is reached."""

import pytest
from kombu.exceptions import OperationalError
from kombu.utils import functional

from app.config import Settings
from app.jobs import LONGEST_RETRY_SECONDS, make_celery
from tests.servers import free_port


def test_a_broker_that_is_away_is_tried_again_every_few_seconds_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(functional, "sleep", lambda seconds: None)
    celery = make_celery(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    assert celery.conf.broker_connection_max_retries is None, "or a worker gives up for good"
    with celery.connection_for_write() as connection, pytest.raises(OperationalError):
        connection.ensure_connection(lambda _, seconds: waited.append(seconds), 12)
    assert len(waited) >= 12
    assert max(waited) == LONGEST_RETRY_SECONDS
    assert waited[0] == 1
