"""Detect a run that makes no progress.

In:  the last turns of a history: what was asked, what came back.
Out: `Stall`: nothing, a hint for the model, or the end of its tools; whether it is worth a look.

Pure. A turn makes no progress if its calls and their results were seen before in the same order:
the same turn again, a cycle of a few turns, the same error for any arguments, the same text. A tool
that polls is expected to be called again and does not count.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from enum import IntEnum
from itertools import islice, takewhile
from typing import NamedTuple

from pydantic_core import from_json

from agentkit.history import History
from agentkit.message import AssistantMessage, ToolResult, UserMessage
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


class Turn(NamedTuple):
    """A message with calls, and what came back: words and whether it failed, in the order asked."""

    message: AssistantMessage
    came: Sequence[tuple[str, bool]]

    def resembles(self, other: "Turn") -> bool:
        """Return whether both have anything in common that could be a stall."""
        words = self.message.text
        return self.came == other.came or (words != "" and words == other.message.text)

    def repeats(self, other: "Turn") -> bool:
        """Return whether the two can be a part of one stall, of whatever kind."""
        return self.is_like(other) or self.fails_like(other) or self.says_like(other)

    def is_like(self, other: "Turn") -> bool:
        """Return whether the same was asked and the same came back."""
        return self.came == other.came and self._asked() == other._asked()

    def fails_like(self, other: "Turn") -> bool:
        """Return whether all calls failed, of the same tools and with the same words."""
        if self.came != other.came or self.names() != other.names():
            return False
        return all(is_error for _, is_error in self.came)

    def says_like(self, other: "Turn") -> bool:
        """Return whether the text next to the calls is the same."""
        words = self.message.text
        return words == other.message.text and bool(words.strip())

    def names(self) -> list[str]:
        """Return the names of the tools that were called."""
        return [call.name for call in self.message.tool_calls]

    def _asked(self) -> list[tuple[str, object]]:
        return [(call.name, _value(call.arguments)) for call in self.message.tool_calls]


def last_turns(history: History, before: Sequence[Turn] | None = None) -> tuple[Turn, ...]:
    """Return the turns that decide whether a run may be stuck, the newest first.

    Args:
        history: ends with a turn.
        before: what was returned for the history without its last turn, if it was.
    """
    newest_first = _newest_first(history)
    if before is None:
        return tuple(islice(newest_first, LONGEST_CYCLE + 1))
    return (*islice(newest_first, 1), *before[:LONGEST_CYCLE])


def may_be_stuck(turns: Sequence[Turn]) -> bool:
    """Return whether the newest of the last turns has anything of the others; most have not."""
    return any(turns[0].resembles(one) for one in turns[1:])


def assess(
    history: History, *, polling: Collection[str] = (), newest: Sequence[Turn] = ()
) -> Progress:
    """Return how stuck the run is that ends with the last message of `history`.

    Args:
        history: complete, without open calls; only turns since the user last spoke count.
        polling: names of tools that are meant to be called again and again.
        newest: `last_turns` of the history, if they are known; they show most runs to go on.
    """
    if newest and not any(newest[0].repeats(one) for one in newest[1:]):
        return Progress()
    turns = list(islice(_newest_first(history, polling), TURNS_LOOKED_AT))
    found = [_repeats(turns, period) for period in range(1, LONGEST_CYCLE + 1)]
    return max(*found, _same_errors(turns), _same_words(turns), key=_how_stuck)


def _newest_first(history: History, polling: Collection[str] = ()) -> Iterator[Turn]:
    """Yield the turns since the last user message, back to the last one that polls."""
    results: dict[str, ToolResult] = {}
    for message in reversed(history):
        if isinstance(message, ToolResult):
            results[message.call_id] = message
        elif isinstance(message, UserMessage):
            return
        elif isinstance(message, AssistantMessage) and message.tool_calls:
            if polling and any(call.name in polling for call in message.tool_calls):
                return
            answers = [results[call.id] for call in message.tool_calls]
            yield Turn(message, [(one.text, one.is_error) for one in answers])


def _value(arguments: str) -> object:
    """Return a value that is equal for the same arguments, however they are encoded.

    1, 1.0 and true are equal too: if they give the same, trying each of them is no progress.
    """
    try:
        return from_json(arguments, allow_inf_nan=False)
    except ValueError:
        return arguments


def _row(
    turns: Sequence[Turn], is_alike: Callable[[Turn, Turn], bool], *, distance: int = 1
) -> int:
    """Return how many turns, from the newest on, are like the one `distance` before them."""
    pairs = zip(turns, turns[distance:], strict=False)
    return len(list(takewhile(lambda pair: is_alike(*pair), pairs)))


def _repeats(turns: Sequence[Turn], period: int) -> Progress:
    """Look for the same turns in the same order, `period` turns long."""
    times = 1 + _row(turns, Turn.is_like, distance=period) // period
    names = " and ".join(sorted({name for turn in turns[:period] for name in turn.names()}))
    what = (
        f"the same call of {names} gave the same result {times} times"
        if period == 1
        else f"the same {period} steps with {names} came {times} times in a row"
    )
    return Progress(stall=_stall(times), what=what)


def _same_errors(turns: Sequence[Turn]) -> Progress:
    """Look for the same error from the same tool, whatever its arguments were."""
    times = 1 + _row(turns, Turn.fails_like)
    return Progress(stall=_stall(times), what=f"{times} calls in a row failed with the same error")


def _same_words(turns: Sequence[Turn]) -> Progress:
    """Look for the same text next to call after call."""
    times = 1 + _row(turns, Turn.says_like)
    # Some models repeat a text next to calls that do differ: only a long row is a stall.
    return Progress(stall=_stall(times - STOP_AFTER), what=f"you said the same words {times} times")


def _how_stuck(progress: Progress) -> Stall:
    return progress.stall


def _stall(times: int) -> Stall:
    if times >= STOP_AFTER:
        return Stall.STOP
    return Stall.HINT if times >= HINT_AFTER else Stall.NONE
