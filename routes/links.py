"""What an answer leads to: links in the OpenAPI document, so that a client, and a test, can follow what it makes."""

from collections.abc import Mapping
from typing import Any

SESSION = {"session_id": "$response.body#/session_id"}
ANSWER = {**SESSION, "question_id": "$response.body#/questions/0/id"}
UPLOADED = {**SESSION, "question_id": "$response.body#/question_id"}
WEBHOOK = {"webhook_id": "$response.body#/webhook_id"}
CALL = {"call_id": "$response.body#/call_id"}
DELIVERY = {"webhook_id": "$request.path.webhook_id", "delivery_id": "$response.body#/delivery_id"}

# By the operation that answers, and its status: the operations that its answer leads to, with their parameters.
LINKS: dict[tuple[str, str], dict[str, Mapping[str, str]]] = {
    ("createSession", "201"): {
        "getSession": SESSION,
        "getSessionTranscriptionStatus": SESSION,
        "getEvents": SESSION,
        "createTicket": SESSION,
        "analyzeSession": SESSION,
        "uploadAnswer": ANSWER,
    },
    ("uploadAnswer", "202"): {
        "getTranscriptionStatus": UPLOADED,
        "getSessionTranscriptionStatus": SESSION,
        "analyzeSession": SESSION,
    },
    ("beginCall", "201"): {"getCall": CALL, "endCall": CALL, "deleteCall": CALL},
    ("createTicket", "201"): {
        "getEvents": {"session_id": "$request.path.session_id", "ticket": "$response.body#/ticket"},
    },
    ("createWebhook", "201"): {
        "getWebhook": WEBHOOK,
        "rotateWebhookSecret": WEBHOOK,
        "testWebhook": WEBHOOK,
        "listDeliveries": WEBHOOK,
        "deleteWebhook": WEBHOOK,
    },
    ("testWebhook", "202"): {"replayDelivery": DELIVERY, "listDeliveries": {"webhook_id": DELIVERY["webhook_id"]}},
}


def add_links(document: dict[str, Any]) -> None:
    """Add them to the document, in place."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                leads_to = LINKS.get((operation["operationId"], status), {})
                if leads_to:
                    answer["links"] = {to: {"operationId": to, "parameters": dict(by)} for to, by in leads_to.items()}
