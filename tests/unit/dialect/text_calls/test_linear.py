"""What strangers send costs no more than its length, whatever stands in it."""

import json
import time
from collections.abc import Callable

import pytest

from agentkit.dialect.argument_repair import repair_arguments
from agentkit.dialect.openai_chat.response import OpenAIChatDecoder
from agentkit.dialect.provider_errors import status_error
from agentkit.dialect.text_calls.finder import find_leak
from agentkit.dialect.text_calls.hold_back import LeakGuard
from agentkit.dialect.tool_call_assembler import split_arguments
from agentkit.dialect.tool_names import unwrap_name
from agentkit.json_schema import JsonValue
from agentkit.wire import WireHead

OFFERED = frozenset({"get_weather", "add"})
CHARS = 10_000
TIMES = 4
MOST_TIMES = 9
"""Of the cost, for `TIMES` as much text: 4 where the cost is linear, 16 where it is quadratic."""

LEAST_SECONDS = 0.003


def _find(text: str) -> None:
    find_leak(text, offered=OFFERED, fits=lambda _, arguments: _repair(arguments))


def _guard(text: str) -> None:
    guard = LeakGuard(OFFERED)
    for start in range(0, len(text), 50):
        guard.feed(text[start : start + 50])


def _guard_at_once(text: str) -> None:
    LeakGuard(OFFERED).feed(f"So: {text}")


def _repair(text: str) -> bool:
    schema: dict[str, JsonValue] = {"properties": {"a": {"type": "integer"}}}
    return repair_arguments(text, schema=schema, is_valid=lambda _: False) is not None


def _fail(text: str) -> None:
    status_error(WireHead(status=400), text.encode())


def _fail_inside(text: str) -> None:
    status_error(WireHead(status=500), json.dumps({"error": {"message": text}}).encode())


def _decode(text: str) -> None:
    decoder = OpenAIChatDecoder(WireHead(status=200))
    choice = {"delta": {"content": [{"type": "text", "text": text}]}}
    decoder.feed(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())


DOORS: dict[str, Callable[[str], object]] = {
    "leak": _find,
    "leak before prose": lambda text: _find(f"So: {text}"),
    "guard": _guard,
    "guard at once": _guard_at_once,
    "repair": _repair,
    "split": split_arguments,
    "error": _fail,
    "error inside": _fail_inside,
    "name": lambda text: unwrap_name(text, OFFERED),
    "decode": _decode,
}

PIECES = (
    " ", "\n", "a", "*", "_", "`", "```", "> ", "\\", "[", "{", "}", '"', "'", "<", "</s>", "<a",
    "-", '{"a":', '{"a": 1}', '{"a": "1"} ', "[1,", "1,", "9", "sk-", "[TOOL", "[TOOL_CALLS]",
    "[TOOL_CALLS] ", "[TOOL_CALLS]add", '[TOOL_CALLS]add{"a": 1} ', "[TOOL_CALLS]add(",
    "**[TOOL_CALLS]", '[TOOL_CALLS][{"name": "add", ', "[TOOL_CALLS]add[CALL_ID] ", "[ARGS] ",
    "<tool_call>", "<tool_call> <function=add>", "<function=add><parameter=a>", "<parameter=a>",
    "```tool_code\n", "<script>", "<style", "tool ", "function_call", "insufficient ", "api key ",
    "not support ", "maximum ", "a.", "a:", "a__", "functions.",
)  # fmt: skip


def _seconds(door: Callable[[str], object], text: str) -> float:
    """Return the CPU time of the quickest of a few tries."""
    found = []
    for _ in range(3):
        started = time.process_time()
        door(text)
        found.append(time.process_time() - started)
        if found[-1] < LEAST_SECONDS:
            break
    return min(found)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_four_times_the_text_costs_about_four_times_as_much(
    door: Callable[[str], object], piece: str
) -> None:
    """Also where it almost fits again and again."""
    short = piece * (CHARS // len(piece))
    long = piece * (TIMES * CHARS // len(piece))

    once = max(_seconds(door, f"{short}x"), LEAST_SECONDS)

    assert _seconds(door, f"{long}x") < MOST_TIMES * once
