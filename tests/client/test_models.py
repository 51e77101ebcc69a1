"""The client's types say what openapi.json says."""

import json
import types
from pathlib import Path
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from client import models
from scripts.openapi import TARGET, document

SCHEMAS: dict[str, Any] = json.loads(Path(TARGET).read_text())["components"]["schemas"]
NAMES = {
    "KeyPoint": "KeyPointIn",
    "NewQuestion": "QuestionIn",
    "Question": "QuestionOut",
    "Failure": "FailureOut",
    "Feedback": "FeedbackOut",
    "Word": "WordOut",
    "Segment": "SegmentOut",
    "Flaw": "FlawOut",
    "Answer": "AnswerOut",
    "AnswerStatus": "StatusOut",
    "ScoredAnswer": "ScoredAnswerOut",
    "Session": "SessionOut",
    "Receipt": "ReceiptOut",
    "ReceiptHead": "HeadOut",
    "ListedSession": "SessionListedOut",
    "SessionPage": "SessionsOut",
    "Erasure": "ErasureOut",
    "Summary": "Summary",
    "SessionStatus": "SessionStatusOut",
    "Uploaded": "UploadOut",
    "Turn": "TurnOut",
    "Response": "ResponseOut",
    "Side": "HeardOut",
    "Conversation": "ConversationOut",
    "MicrophoneTest": "MicrophoneTestOut",
    "AnalysisPending": "PendingOut",
    "Analysis": "ResultOut",
    "AnswerSeen": "AnswerSeenOut",
    "FoundSession": "SessionSeenOut",
    "FailedAnswer": "FailedOut",
    "WhyNot": "WhyNotOut",
    "RetriedAnswer": "RetriedOut",
    "TrendBin": "BinOut",
    "Trends": "TrendsOut",
    "RtpAddress": "AddressOut",
    "RtpAddresses": "RtpOut",
    "BegunCall": "BegunCallOut",
    "CallSide": "CallSideOut",
    "Call": "CallOut",
}
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def test_the_document_that_is_kept_is_the_one_that_is_served() -> None:
    assert Path(TARGET).read_text() == document(), "run `python -m scripts.openapi`"


def test_each_type_is_compared() -> None:
    declared = {name for name, kind in vars(models).items() if is_typeddict(kind)}
    assert declared == NAMES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_type_has_the_fields_of_its_schema(name: str) -> None:
    kind, schema = getattr(models, name), SCHEMAS[NAMES[name]]
    hints = get_type_hints(kind, include_extras=True)
    assert hints.keys() == schema["properties"].keys()
    required = {field for field, hint in hints.items() if get_origin(hint) is not NotRequired}
    assert required == set(schema.get("required", []))
    for field, hint in get_type_hints(kind).items():
        assert said(hint) == meant(schema["properties"][field]), f"{name}.{field}"


def said(hint: Any) -> Any:
    """A type, as what JSON values it lets in."""
    if hint in PLAIN:
        return {PLAIN[hint]}
    if is_typeddict(hint):
        return {NAMES[hint.__name__]}
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {f"={value}" for value in inside}
    if origin in (types.UnionType, Union):
        return set[str]().union(*(said(one) for one in inside))
    if origin is list:
        return {("list", frozenset(said(inside[0])))}
    assert origin is dict and inside[0] is str, hint
    return {("dict", frozenset(said(inside[1])))}


def meant(schema: dict[str, Any]) -> Any:
    """A schema, in the same words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return meant(SCHEMAS[name]) if "enum" in SCHEMAS[name] else {name}
    if "anyOf" in schema:
        return set[str]().union(*(meant(one) for one in schema["anyOf"]))
    if "const" in schema:
        return {f"={schema['const']}"}
    if "enum" in schema:
        return {f"={value}" for value in schema["enum"]}
    if schema["type"] == "array":
        return {("list", frozenset(meant(schema["items"])))}
    if schema["type"] == "object":
        return {("dict", frozenset(meant(schema["additionalProperties"])))}
    return {schema["type"]}
