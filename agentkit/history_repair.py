"""Make a whole history of messages that come from elsewhere.

In:  messages in the order they were kept: calls without results, results without calls, results in
     the wrong place, ids used twice.
Out: `RepairedHistory`: a `History`, and all that was changed.

`History(messages)` refuses such messages. Nothing is left out silently: what has no place in a
history stands in a `HistoryRepair`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Literal, TypeAlias, TypeVar

from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult
from agentkit.value import dataclass, replace

K = TypeVar("K")

RepairKind: TypeAlias = Literal["call_renamed", "call_answered", "result_moved", "result_removed"]

NO_RESULT = (
    "No result of the call of {name!r} was kept. Whether it was run, and had an effect, is not "
    "known."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRepair:
    """One thing that was changed.

    Attributes:
        kind: `call_renamed`: the id was used before, and the call has a new one;
            `call_answered`: the call had no result, and has one that says so;
            `result_moved`: the result did not stand behind its call;
            `result_removed`: the result answers no call, or one that has its result already.
        call_id: the id as it came.
        position: where in the messages the call or the result stood, from 0.
        text: what was done, in a sentence.
        removed: the result that was removed.
    """

    kind: RepairKind
    call_id: str
    position: int
    text: str
    removed: ToolResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedHistory:
    """A whole history, and what was changed to make it one, in the order of the messages."""

    history: History
    repairs: tuple[HistoryRepair, ...] = ()


def repair_history(
    messages: Iterable[Message], *, open_calls: Literal["answer", "keep"] = "answer"
) -> RepairedHistory:
    """Make a whole history of messages, whatever is wrong with their calls and results.

    Args:
        messages: what was kept.
        open_calls: what becomes of calls at the very end that have no result: `answer` gives them
            one that says so; `keep` leaves them open, and a run with the history will run them.

    Returns:
        The history, and a repair for each change; none if the messages make a history as they
        are.
    """
    came = tuple(messages)
    asked = _number_calls(came)
    removed = _pair(asked, came)
    repairs = list(removed)
    by_position = _group(asked, attrgetter("position"))
    whole: list[Message] = []
    last = max((at for at, one in enumerate(came) if not isinstance(one, ToolResult)), default=-1)
    for position, message in enumerate(came):
        if isinstance(message, ToolResult):
            continue
        calls = by_position.get(position, [])
        if isinstance(message, AssistantMessage) and any(one.is_renamed for one in calls):
            message = replace(message, tool_calls=tuple(one.call for one in calls))
        whole.append(message)
        keep_open = open_calls == "keep" and position == last
        whole += _results(calls, keep_open=keep_open)
        repairs += _tell(calls, came, keep_open=keep_open)
    repairs.sort(key=lambda repair: repair.position)
    return RepairedHistory(history=History(whole), repairs=tuple(repairs))


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A call, with the id it has from now on.

    Attributes:
        position: of the message that asks.
        came_as: the id as it came.
        answer: its result and the position of that.
    """

    call: ToolCall
    position: int
    came_as: str
    answer: tuple[int, ToolResult] | None = None

    @property
    def is_renamed(self) -> bool:
        return self.call.id != self.came_as


def _number_calls(messages: Sequence[Message]) -> list[_Asked]:
    """Return all calls in order, each with an id of its own."""
    taken = {
        call.id
        for message in messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    }
    used: set[str] = set()
    asked: list[_Asked] = []
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
            asked.append(_Asked(call=replace(call, id=name), position=position, came_as=call.id))
    return asked


def _pair(asked: Sequence[_Asked], messages: Sequence[Message]) -> Iterator[HistoryRepair]:
    """Give each call the result that is its own, and tell of the results that are nobody's.

    A result belongs to the last message before it that asked for one of its id; only where there
    is none, to the first such call behind it.
    """
    results = [(at, one) for at, one in enumerate(messages) if isinstance(one, ToolResult)]
    by_id = _group(asked, attrgetter("came_as"))
    unpaired: list[tuple[int, ToolResult]] = []
    for at, result in results:
        before = [one for one in _unanswered(by_id, result) if one.position < at]
        if before:
            latest = before[-1].position
            next(one for one in before if one.position == latest).answer = (at, result)
        else:
            unpaired.append((at, result))
    for at, result in unpaired:
        behind = next((one for one in _unanswered(by_id, result) if one.position > at), None)
        if behind is not None:
            behind.answer = (at, result)
            continue
        has_call = result.call_id in by_id
        why = "its call has its result already" if has_call else "there is no call of this id"
        yield HistoryRepair(
            kind="result_removed",
            call_id=result.call_id,
            position=at,
            text=f"The result for {result.call_id!r} was removed: {why}.",
            removed=result,
        )


def _unanswered(by_id: Mapping[str, Sequence[_Asked]], result: ToolResult) -> list[_Asked]:
    return [one for one in by_id.get(result.call_id, ()) if one.answer is None]


def _group(asked: Iterable[_Asked], key: Callable[[_Asked], K]) -> dict[K, list[_Asked]]:
    """Return calls by what `key` says of them, each group in order."""
    groups: dict[K, list[_Asked]] = {}
    for one in asked:
        groups.setdefault(key(one), []).append(one)
    return groups


def _results(calls: Sequence[_Asked], *, keep_open: bool) -> Iterator[ToolResult]:
    """Yield the results of one message's calls, in the order they came; then those made up."""
    answered = [(*one.answer, one) for one in calls if one.answer is not None]
    for _, result, one in sorted(answered, key=itemgetter(0)):
        yield replace(result, call_id=one.call.id) if one.is_renamed else result
    for one in calls:
        if one.answer is None and not keep_open:
            text = NO_RESULT.format(name=one.call.name)
            yield ToolResult.of(one.call.id, text, is_error=True)


def _tell(
    calls: Sequence[_Asked], messages: Sequence[Message], *, keep_open: bool
) -> Iterator[HistoryRepair]:
    """Tell what was changed about one message's calls and their results."""
    for one in calls:
        if one.is_renamed:
            yield HistoryRepair(
                kind="call_renamed",
                call_id=one.came_as,
                position=one.position,
                text=f"The id {one.came_as!r} was used before; this call is {one.call.id!r} now.",
            )
        if one.answer is None:
            if not keep_open:
                yield HistoryRepair(
                    kind="call_answered",
                    call_id=one.came_as,
                    position=one.position,
                    text=f"The call {one.came_as!r} had no result; it has one that says so now.",
                )
        elif not _stands_behind(one.position, one.answer[0], messages):
            yield HistoryRepair(
                kind="result_moved",
                call_id=one.came_as,
                position=one.answer[0],
                text=f"The result for {one.came_as!r} was moved behind its call.",
            )


def _stands_behind(call_at: int, result_at: int, messages: Sequence[Message]) -> bool:
    """Say whether a result follows its call with nothing but results between."""
    between = messages[call_at + 1 : result_at]
    return call_at < result_at and all(isinstance(one, ToolResult) for one in between)
