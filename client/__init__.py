"""A typed Python client of the API. It needs httpx2 and nothing else of this project."""

from client.api import VivaVoce
from client.errors import ApiProblem, NoConnection, NotAnsweredInTime
from client.models import (
    Analysis,
    AnalysisPending,
    Answer,
    Event,
    NewQuestion,
    Session,
    SessionStatus,
    Uploaded,
)
from client.operators import Operators

__all__ = [
    "Analysis",
    "AnalysisPending",
    "Answer",
    "ApiProblem",
    "Event",
    "NewQuestion",
    "NoConnection",
    "NotAnsweredInTime",
    "Operators",
    "Session",
    "SessionStatus",
    "Uploaded",
    "VivaVoce",
]
