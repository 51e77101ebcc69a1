"""A conversation, as it is printed."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from client.models import Conversation, Turn

UNREAD = "(not understood)"
WARNINGS = {
    "side_missing": "One side never came.",
    "side_empty": "Of one side nothing was kept.",
    "side_silent": "On one side nobody speaks.",
    "side_failed": "One side could not be transcribed.",
    "one_channel": "The recording has one channel, or the same on both: the right side is empty.",
}


def show_conversation(console: Console, conversation: Conversation, names: tuple[str, str] = ("left", "right")) -> None:
    """Turn by turn, with how long each answer was waited for; then who spoke how much, and what is wrong."""
    latencies = {round(one["answered_at"], 3): one["latency"] for one in conversation["responses"]}
    table = Table("At", "Who", "After", "What is said", title="The conversation")
    for turn in conversation["turns"]:
        latency = latencies.get(turn["start"]) if turn["speaker"] == "left" else None
        after = "interrupts" if turn["interrupts"] else "" if latency is None else f"{latency:.2f} s"
        who = names[0] if turn["speaker"] == "left" else names[1]
        table.add_row(_at(turn), escape(who), after, escape(turn["text"] or UNREAD))
    console.print(table)
    console.print(_sums(conversation))
    for warning in _warnings(conversation):
        console.print(f"Warning: {WARNINGS.get(warning, warning)}", markup=False)


def _at(turn: Turn) -> str:
    minutes, seconds = divmod(turn["start"], 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def _sums(conversation: Conversation) -> str:
    latency, ratio = conversation["response_latency"], conversation["talk_ratio"]
    return ", ".join(
        (
            "nothing asked is answered" if latency is None else f"median latency {latency:.2f} s",
            "nobody speaks" if ratio is None else f"{ratio:.0%} of the talk on the left",
            f"{conversation['overlap_seconds']:.1f} s of both at once",
        )
    )


def _warnings(conversation: Conversation) -> list[str]:
    of_sides = [*conversation["left"]["warnings"], *conversation["right"]["warnings"]]
    return list(dict.fromkeys([*conversation["warnings"], *of_sides]))
