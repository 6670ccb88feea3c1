"""The cost of untrusted text is linear in its length, whatever it holds."""

import json
import time
from collections.abc import Callable

import pytest

from agentkit.dialect.argument_repair import repair_arguments
from agentkit.dialect.openai_chat.response import OpenAIChatDecoder
from agentkit.dialect.provider_errors import status_error
from agentkit.dialect.text_calls.quotation import Quotation
from agentkit.dialect.tool_call_assembler import split_arguments
from agentkit.dialect.tool_names import unwrap_name
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, UserMessage
from agentkit.wire import WireHead
from tests.unit.dialect.text_calls.readings import read

OFFERED = frozenset({"get_weather", "add"})
READ_BEFORE = History(
    (UserMessage("[TOOL_CALLS]add{} " * 200), AssistantMessage("OK."), UserMessage("Go."))
)
CHARS = 10_000
TIMES = 4
MOST_TIMES = 9
"""Of the cost, for `TIMES` as much text: 4 if the cost is linear, 16 if it is quadratic."""

LEAST_SECONDS = 0.003
TRIES = 4
"""A busy machine may disturb some of them."""


def _quote(text: str) -> None:
    quotation = Quotation()
    for start in range(0, len(text), 50):
        quotation.feed(text[start : start + 50])


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


ENTRIES: dict[str, Callable[[str], object]] = {
    "answer": read,
    "answer after prose": lambda text: read(f"So: {text}"),
    "answer in pieces": lambda text: read(text, size=50),
    "answer after prose in pieces": lambda text: read(f"So: {text}", size=50),
    "answer after a quotation": lambda text: read(f'He said "x {text}', size=50),
    "thought": lambda text: read(f"<think>{text}", size=50),
    "thought of the prompt": lambda text: read(text, size=50, reasoning="prefilled"),
    "answer of an unknown model": lambda text: read(text, size=50, reasoning="unknown"),
    "answer that was cut": lambda text: read(text, is_cut=True),
    "answer in a conversation": lambda text: read(text, history=READ_BEFORE),
    "argument in a conversation": lambda text: read(
        f'[TOOL_CALLS]add{{"a": "{text}', history=READ_BEFORE
    ),
    "quotation": _quote,
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
    "not support ", "maximum ", "a.", "a:", "a__", "functions.", "<think>", "</think>", "</think> ",
    "<think>a</think>", "[THINK]", "<|im_end|>", "<|channel|>", "<|start|>assistant", "<|message|>",
    "<|channel|>final<|message|>", "<|tool_call>call:add{", "<|tool_call>call:add{a:[", "~~~\n",
    "<tool_call>add<arg_key>a</arg_key><arg_value>", "<|tool_calls_section_begin|>", "\u201c",
    "`` ", "(",
    "<tool_call>x</tool_call>", '"[TOOL_CALLS]add{} ', "\n[TOOL_CALLS]add{}\n", "[TOOL_RESULTS]",
)  # fmt: skip


def _seconds(entry: Callable[[str], object], text: str) -> float:
    """Return the CPU time of one try."""
    started = time.process_time()
    entry(text)
    return time.process_time() - started


def _costs_too_much(entry: Callable[[str], object], piece: str) -> list[tuple[float, float]]:
    """Return the costs of a short and a long text if the cost is not linear; otherwise nothing."""
    short = piece * (CHARS // len(piece)) + "x"
    long = piece * (TIMES * CHARS // len(piece)) + "x"
    cost = _seconds(entry, long)
    if cost < MOST_TIMES * LEAST_SECONDS:
        return []  # whatever the short text costs

    costs = [(_seconds(entry, short), cost)]
    while min(cost for _, cost in costs) >= MOST_TIMES * max(
        LEAST_SECONDS, min(once for once, _ in costs)
    ):
        if len(costs) == TRIES:
            return costs
        costs.append((_seconds(entry, short), _seconds(entry, long)))
    return []


@pytest.mark.parametrize("piece", PIECES)
def test_four_times_the_text_costs_about_four_times_as_much(piece: str) -> None:
    """Also if it almost fits again and again."""
    costs = {name: _costs_too_much(entry, piece) for name, entry in ENTRIES.items()}

    assert {name: found for name, found in costs.items() if found} == {}
