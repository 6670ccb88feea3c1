"""Notice that a run goes nowhere.

In:  the last turns of a history: what was asked, what came back.
Out: `Stall`: nothing, a hint for the model, or the end of its tools.

Pure. A turn stands still if its calls and their results were seen before in the same order: the
same turn again, a cycle of a few turns, the same error whatever is tried, the same words. A tool
that polls is expected to be called again and does not count.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from itertools import takewhile
from typing import TypeAlias

from pydantic_core import from_json

from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.value import dataclass

HINT_AFTER = 3
STOP_AFTER = 5
LONGEST_CYCLE = 4
TURNS_LOOKED_AT = STOP_AFTER * LONGEST_CYCLE

HINT = (
    "You have repeated yourself: {what}. Doing it again will give the same. "
    "Try another way, or answer with what you have."
)


class Stall(IntEnum):
    """How stuck a run is."""

    NONE = 0
    HINT = 1
    STOP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How stuck a run is, and in what; `what` is a phrase for the model."""

    stall: Stall = Stall.NONE
    what: str = ""


@dataclass(frozen=True, slots=True)
class _Turn:
    """What was asked and what came back, in order; comparable."""

    calls: tuple[tuple[str, str], ...]
    results: tuple[tuple[str, bool], ...]
    text: str


_Round: TypeAlias = tuple[AssistantMessage, Mapping[str, ToolResult]]
"""A message with calls, and their results by call id."""


def assess(history: History, *, polling: Collection[str] = ()) -> Progress:
    """Return how stuck the run is that ends with the last message of `history`.

    Args:
        history: whole, without open calls; only turns since the user last spoke count.
        polling: names of tools that are meant to be called again and again.
    """
    rounds = _last_rounds(history, polling, most=LONGEST_CYCLE + 1)
    if not _may_be_stuck(rounds):
        return Progress()
    turns = [_turn(one) for one in _last_rounds(history, polling, most=TURNS_LOOKED_AT)]
    found = [_repeats(turns, period) for period in range(1, LONGEST_CYCLE + 1)]
    found.append(_same_errors(turns))
    found.append(_same_words(turns))
    return max(found, key=lambda progress: progress.stall)


def _may_be_stuck(rounds: Sequence[_Round]) -> bool:
    """Say whether the last turn has anything of those before it; most have not."""
    if len(rounds) < HINT_AFTER:
        return False
    *earlier, (last, results) = rounds
    if all(call.id not in results or results[call.id].is_error for call in last.tool_calls):
        return True
    if last.content and last.text and last.text == earlier[-1][0].text:
        return True
    asked = [(call.name, _value(call.arguments)) for call in last.tool_calls]
    for message, _ in earlier:
        calls = message.tool_calls
        if len(calls) == len(asked) and all(map(_is_alike, calls, asked)):
            return True
    return False


def _is_alike(call: ToolCall, asked: tuple[str, object]) -> bool:
    """Say whether a call may be the same as one that was asked for."""
    return call.name == asked[0] and _value(call.arguments) == asked[1]


def _value(arguments: str) -> object:
    """Return what is equal for the same arguments, and for few others: with 1, 1.0 and true."""
    try:
        return from_json(arguments, allow_inf_nan=False)
    except ValueError:
        return _one_spelling(arguments)


def _last_rounds(history: History, polling: Collection[str], *, most: int) -> list[_Round]:
    """Return the last turns, oldest first; one that only polls ends what is looked at."""
    rounds: list[_Round] = []
    results: dict[str, ToolResult] = {}
    for message in reversed(history):
        if isinstance(message, ToolResult):
            results[message.call_id] = message
        elif isinstance(message, AssistantMessage) and message.tool_calls:
            if polling and any(call.name in polling for call in message.tool_calls):
                break
            rounds.append((message, results))
            if len(rounds) == most:
                break
            results = {}
        elif isinstance(message, UserMessage):
            break
    return rounds[::-1]


def _turn(made: _Round) -> _Turn:
    message, results = made
    answers = [results.get(call.id) for call in message.tool_calls]
    return _Turn(
        calls=tuple((call.name, _one_spelling(call.arguments)) for call in message.tool_calls),
        results=tuple(("", True) if one is None else (one.text, one.is_error) for one in answers),
        text=message.text,
    )


def _one_spelling(arguments: str) -> str:
    """Return the same text for arguments that differ only in spaces and the order of fields."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments


def _repeats(turns: Sequence[_Turn], period: int) -> Progress:
    """Look for the same turns in the same order, `period` turns long."""
    seen = [(turn.calls, turn.results) for turn in turns]
    blocks = [seen[end - period : end] for end in range(len(seen), period - 1, -period)]
    count = len(list(takewhile(lambda block: block == blocks[0], blocks)))
    names = " and ".join(sorted({name for turn in turns[-period:] for name, _ in turn.calls}))
    what = (
        f"the same call of {names} gave the same result {count} times"
        if period == 1
        else f"the same {period} steps with {names} came {count} times in a row"
    )
    return Progress(stall=_stall(count), what=what)


def _same_errors(turns: Sequence[_Turn]) -> Progress:
    """Look for the same error from the same tool, whatever its arguments were."""
    count = 0
    error: object = None
    for turn in reversed(turns):
        names = tuple(name for name, _ in turn.calls)
        if not all(is_error for _, is_error in turn.results):
            break
        if error is None:
            error = (names, turn.results)
        elif error != (names, turn.results):
            break
        count += 1
    return Progress(stall=_stall(count), what=f"{count} calls in a row failed with the same error")


def _same_words(turns: Sequence[_Turn]) -> Progress:
    """Look for the same words said beside call after call."""
    count = 0
    for turn in reversed(turns):
        if not turn.text.strip() or turn.text != turns[-1].text:
            break
        count += 1
    # Words beside calls that do differ are a habit of some models: only a long row is a stall.
    return Progress(stall=_stall(count - STOP_AFTER), what=f"you said the same words {count} times")


def _stall(count: int) -> Stall:
    if count >= STOP_AFTER:
        return Stall.STOP
    return Stall.HINT if count >= HINT_AFTER else Stall.NONE
