"""Repair conversations of other origin, so that they make a consistent `History`.

In:  messages in stored order, with calls without results, results without calls, results in the
     wrong place, or duplicate ids.
Out: `RepairedHistory`: a `History`, and a `HistoryRepair` for each change.

`History(messages)` rejects such messages. Nothing is dropped silently: a removed result is kept in
its `HistoryRepair`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter, itemgetter
from typing import Literal, TypeAlias, TypeVar

from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult
from agentkit.value import dataclass

K = TypeVar("K")

RepairKind: TypeAlias = Literal["call_renamed", "call_answered", "result_moved", "result_removed"]

NO_RESULT = (
    "No result of the call of {name!r} was stored. Whether it ran, and had an effect, is not known."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRepair:
    """One change to the messages.

    Attributes:
        kind: `call_renamed`: the id was already used, so the call got a new one;
            `call_answered`: the call had no result and got an error result that says so;
            `result_moved`: the result did not follow its call;
            `result_removed`: the result belongs to no call, or its call already has a result.
        call_id: the original id.
        position: index of the call's message, or of the result, in the given messages.
        text: the change in a sentence.
        removed: the result that was removed.
    """

    kind: RepairKind
    call_id: str
    position: int
    text: str
    removed: ToolResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedHistory:
    """A consistent history, and the changes that made it one, in the order of the messages."""

    history: History
    repairs: tuple[HistoryRepair, ...] = ()


def repair_history(
    messages: Iterable[Message], *, open_calls: Literal["answer", "keep"] = "answer"
) -> RepairedHistory:
    """Make a consistent history of messages, whatever is wrong with their calls and results.

    Args:
        messages: the stored messages.
        open_calls: what to do with calls at the end that have no result: `answer` adds an error
            result that says so; `keep` leaves them open, and a run with the history runs them.

    Returns:
        The history, and a repair for each change; no repairs if the messages were consistent.
    """
    given = tuple(messages)
    tracked = _number_calls(given)
    repairs = list(_pair(tracked, given))
    by_position = _group(tracked, attrgetter("position"))
    repaired: list[Message] = []
    last = max((at for at, one in enumerate(given) if not isinstance(one, ToolResult)), default=-1)
    for position, message in enumerate(given):
        if isinstance(message, ToolResult):
            continue
        calls = by_position.get(position, [])
        if isinstance(message, AssistantMessage) and any(one.is_renamed for one in calls):
            message = replace(message, tool_calls=tuple(one.call for one in calls))
        repaired.append(message)
        keep_open = open_calls == "keep" and position == last
        repaired += _results(calls, keep_open=keep_open)
        repairs += _call_repairs(calls, given, keep_open=keep_open)
    repairs.sort(key=lambda repair: repair.position)
    return RepairedHistory(history=History(repaired), repairs=tuple(repairs))


@dataclass(slots=True, kw_only=True)
class _TrackedCall:
    """A call, with its new id if it has one.

    Attributes:
        position: index of the call's message.
        original_id: the id that was given.
        found: the position of its result and the result; None if there is none.
    """

    call: ToolCall
    position: int
    original_id: str
    found: tuple[int, ToolResult] | None = None

    @property
    def is_renamed(self) -> bool:
        return self.call.id != self.original_id


def _number_calls(messages: Sequence[Message]) -> list[_TrackedCall]:
    """Return all calls in order, each with a unique id."""
    taken = {
        call.id
        for message in messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    }
    used: set[str] = set()
    tracked: list[_TrackedCall] = []
    for position, message in enumerate(messages):
        if not isinstance(message, AssistantMessage):
            continue
        for call in message.tool_calls:
            name = call.id
            if name in used:
                number = 2
                while (name := f"{call.id}-{number}") in taken:
                    number += 1
                taken.add(name)
            used.add(name)
            tracked.append(
                _TrackedCall(call=replace(call, id=name), position=position, original_id=call.id)
            )
    return tracked


def _pair(tracked: Sequence[_TrackedCall], messages: Sequence[Message]) -> Iterator[HistoryRepair]:
    """Pair each call with its result, and yield a repair for each result without a call.

    A result belongs to the last message before it with an unanswered call of its id. If there is
    none, it belongs to the first such call after it.
    """
    results = [(at, one) for at, one in enumerate(messages) if isinstance(one, ToolResult)]
    by_id = _group(tracked, attrgetter("original_id"))
    unpaired: list[tuple[int, ToolResult]] = []
    for at, result in results:
        before = [one for one in _unanswered(by_id, result) if one.position < at]
        if before:
            latest = before[-1].position
            next(one for one in before if one.position == latest).found = (at, result)
        else:
            unpaired.append((at, result))
    for at, result in unpaired:
        after = next((one for one in _unanswered(by_id, result) if one.position > at), None)
        if after is not None:
            after.found = (at, result)
            continue
        has_call = result.call_id in by_id
        why = "its call already has a result" if has_call else "there is no call with this id"
        yield HistoryRepair(
            kind="result_removed",
            call_id=result.call_id,
            position=at,
            text=f"The result for {result.call_id!r} was removed: {why}.",
            removed=result,
        )


def _unanswered(
    by_id: Mapping[str, Sequence[_TrackedCall]], result: ToolResult
) -> list[_TrackedCall]:
    return [one for one in by_id.get(result.call_id, ()) if one.found is None]


def _group(
    tracked: Iterable[_TrackedCall], key: Callable[[_TrackedCall], K]
) -> dict[K, list[_TrackedCall]]:
    """Group calls by `key`, each group in order."""
    groups: dict[K, list[_TrackedCall]] = {}
    for one in tracked:
        groups.setdefault(key(one), []).append(one)
    return groups


def _results(calls: Sequence[_TrackedCall], *, keep_open: bool) -> Iterator[ToolResult]:
    """Yield the results of one message's calls in stored order, then the added error results."""
    answered = [(*one.found, one) for one in calls if one.found is not None]
    for _, result, one in sorted(answered, key=itemgetter(0)):
        yield replace(result, call_id=one.call.id) if one.is_renamed else result
    for one in calls:
        if one.found is None and not keep_open:
            text = NO_RESULT.format(name=one.call.name)
            yield ToolResult(one.call.id, text, is_error=True)


def _call_repairs(
    calls: Sequence[_TrackedCall], messages: Sequence[Message], *, keep_open: bool
) -> Iterator[HistoryRepair]:
    """Yield the repairs of one message's calls and their results."""
    for one in calls:
        if one.is_renamed:
            yield HistoryRepair(
                kind="call_renamed",
                call_id=one.original_id,
                position=one.position,
                text=f"The id {one.original_id!r} was already used; this call got the id "
                f"{one.call.id!r}.",
            )
        if one.found is None:
            if not keep_open:
                yield HistoryRepair(
                    kind="call_answered",
                    call_id=one.original_id,
                    position=one.position,
                    text=f"The call {one.original_id!r} had no result; an error result was added.",
                )
        elif not _follows(one.position, one.found[0], messages):
            yield HistoryRepair(
                kind="result_moved",
                call_id=one.original_id,
                position=one.found[0],
                text=f"The result for {one.original_id!r} was moved to follow its call.",
            )


def _follows(call_at: int, result_at: int, messages: Sequence[Message]) -> bool:
    """Return whether a result follows its call with only results in between."""
    between = messages[call_at + 1 : result_at]
    return call_at < result_at and all(isinstance(one, ToolResult) for one in between)
