"""What the demo prints."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.demo.receipts import Checked


def show_scores(console: Console, result: Mapping[str, Any]) -> None:
    """Each question with its transcript, its score and the words that the score rests on."""
    table = Table("Question", "Transcript", "Score", "Evidence", show_lines=True, title="The interview")
    for answer in result["answers"]:
        transcript = escape(answer["transcript"] or _trouble(answer))
        table.add_row(escape(answer["question"]), transcript, _score(answer), _evidence(answer["feedback"]))
    console.print(table)
    console.print(f"Final score [bold]{_number(result['final_score'])}[/bold], of {result['scored_count']} answers")


def show_recording(console: Console, answer: Mapping[str, Any]) -> None:
    """What was heard in one recording."""
    words = len((answer["transcript"] or "").split())
    seconds = answer["duration_seconds"] or 0.0
    table = Table(show_header=False, title="Your recording")
    table.add_row("Transcript", escape(answer["transcript"] or _trouble(answer)))
    table.add_row("Language", _language(answer))
    table.add_row("Duration", f"{seconds:.1f} s")
    table.add_row("Words per minute", f"{words * 60 / seconds:.0f}" if seconds else "unknown")
    for warning in answer["warnings"]:
        table.add_row("Warning", escape(warning))
    console.print(table)


def show_times(console: Console, seconds: Mapping[str, float]) -> None:
    table = Table("Step", "Seconds", title="How long it took")
    for step, taken in seconds.items():
        table.add_row(step, f"{taken:.2f}")
    console.print(table)


def show_proof(console: Console, left: Mapping[str, int], oplog: str, keys: int) -> None:
    """The number of audio documents left in the database, what its log of writes still holds, and under which keys."""
    counts = ", ".join(f"{name} {count}" for name, count in left.items())
    verdict = "[red]audio is left[/red]" if any(left.values()) else "[green]no audio is left[/green]"
    console.print(f"In the database: {counts}: {verdict}")
    console.print(f"In its log of writes (oplog): {oplog}.")
    if keys:
        told = "the recordings there were sealed, and nobody can open them any more"
        console.print(f"Keys of their epochs destroyed: {keys}: [green]{told}[/green]. See docs/keys.md.")


def show_receipt(console: Console, checked: Checked) -> None:
    """One of the signed receipts, and whether their chain holds."""
    shown = ("ended_as", "sha256", "bytes", "stored_at", "deleted_at", "removed", "found_afterwards", "seq", "prev")
    if checked.claims:
        table = Table(show_header=False, title="The last deletion receipt (signed, Ed25519)")
        for name in shown:
            table.add_row(name, escape(str(checked.claims.get(name))))
        console.print(table)
    verdict = "[red]" + escape("; ".join(checked.faults)) + "[/red]" if checked.faults else "[green]sound[/green]"
    console.print(f"Receipts checked with the published key, to the published head: {checked.sound}, {verdict}")


def _language(answer: Mapping[str, Any]) -> str:
    sure = answer["language_probability"]
    return (answer["language"] or "unknown") + ("" if sure is None else f" ({sure:.0%} sure)")


def _trouble(answer: Mapping[str, Any]) -> str:
    if answer["error"]:
        return f"failed: {answer['error']['sentence']}"
    return "(nobody speaks)"


def _score(answer: Mapping[str, Any]) -> str:
    return _number(answer["score"]) if answer["score"] is not None else escape(answer["unscored_reason"] or "none")


def _number(score: float | None) -> str:
    return "none" if score is None else f"{score:.1f}"


def _evidence(feedback: list[Mapping[str, Any]]) -> str:
    return "\n".join(_line(item) for item in feedback)


def _line(item: Mapping[str, Any]) -> str:
    point = escape(item["point"])
    if item["covered"] and item["quote"]:
        return f"[green]✓[/green] {point}: “{escape(item['quote'])}”"
    return f"[red]✗[/red] {point}"
