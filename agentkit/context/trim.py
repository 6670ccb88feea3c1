"""Trim a request to a model's context window.

In:  a `ModelRequest`, a token counter, the window, the allowed steps.
Out: `Fitted`: a request that fits, and what was removed from it.

A call and its result are never separated. The instructions, the system messages, the last user
message and the turn after it are always kept. If these do not fit, it is an error.

Nothing here waits or has state. More is removed than necessary, so that the next turns need no
trimming: the kept messages are the same objects, so their cached bytes and the provider's prompt
cache stay valid.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace

from agentkit.chat import ModelRequest
from agentkit.content import text_blocks
from agentkit.dialect.mistral_rules import result_text
from agentkit.errors import UnsupportedError
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult, UserMessage
from agentkit.model.model import TokenCounter
from agentkit.value import dataclass

_LEAST_CHARACTERS = 100  # of a shortened text; the note in it takes half of them
_HEAD = 2 / 3  # of what is kept of a text; the rest is its end


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStrategy:
    """How a request is trimmed; tool results are shortened before turns are dropped.

    Attributes:
        shorten_results: keep only the beginning and the end of tool results: of old ones first, of
            the newest only if nothing else is left to remove.
        drop_turns: drop the oldest turns (a response with its calls and their results); a user
            message is dropped with the last of the turns that answer it.
        fill: the share of the removable tokens to use again, above 0 and at most 1; the others are
            left for the next turns.
        result_characters: the length of a shortened old result, 100 or more.
    """

    shorten_results: bool = True
    drop_turns: bool = True
    fill: float = 0.6
    result_characters: int = 600

    def __post_init__(self) -> None:
        if not 0 < self.fill <= 1:
            raise ValueError(f"The fill is above 0 and at most 1, not {self.fill}.")
        if self.result_characters < _LEAST_CHARACTERS:
            raise ValueError(
                f"At least {_LEAST_CHARACTERS} characters stay of a shortened result, "
                f"not {self.result_characters}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A request that fits.

    Attributes:
        request: the given request itself, if it fits.
        tokens: the length of its prompt.
        tokens_before: the length of the given prompt.
        dropped: the removed messages, oldest first.
        shortened_results: the number of shortened results in it.
    """

    request: ModelRequest
    tokens: int
    tokens_before: int
    dropped: tuple[Message, ...] = ()
    shortened_results: int = 0

    @property
    def dropped_messages(self) -> int:
        """Return the number of removed messages."""
        return len(self.dropped)

    @property
    def is_cut(self) -> bool:
        """Return whether anything was removed or shortened."""
        return bool(self.dropped or self.shortened_results)


def fit(
    request: ModelRequest,
    *,
    counter: TokenCounter,
    window_tokens: int,
    answer_tokens: int,
    strategy: FitStrategy,
) -> Fitted:
    """Return `request` with a history that fits.

    Args:
        request: the request to send.
        counter: counts prompts; ideally the same one in every turn of a conversation.
        window_tokens: the model's limit for prompt and answer together.
        answer_tokens: the part of it that is reserved, mainly for the answer.
        strategy: which steps are allowed.

    Returns:
        A request whose prompt has at most `window_tokens - answer_tokens` tokens by `counter`.

    Raises:
        UnsupportedError: the part that is always kept is too long.
    """
    room = window_tokens - answer_tokens
    if room < 1:
        raise UnsupportedError(
            f"The {answer_tokens:,} tokens that are reserved for the answer leave no room for a "
            f"prompt in a window of {window_tokens:,}; set max_tokens well below the window."
        )
    tokens = counter.count(request)
    if tokens <= room:
        return Fitted(request=request, tokens=tokens, tokens_before=tokens)
    search = _Search(request, counter=counter, room=room, strategy=strategy)
    cut = search.find()
    if cut is None:
        raise UnsupportedError(
            f"The request does not fit. The window of {window_tokens:,} tokens leaves {room:,} for "
            f"the prompt, in addition to the answer, and {search.explain()}"
        )
    return search.fitted(cut, tokens_before=tokens)


def shorten_text(text: str, characters: int) -> str:
    """Return `text`, or its beginning and its end with a note in between.

    Args:
        text: of any length.
        characters: the maximum length of the returned text, 100 or more.
    """
    if len(text) <= characters:
        return text
    note = f"\n[... the middle of {len(text):,} characters is left out ...]\n"
    kept = characters - len(note)
    head = int(kept * _HEAD)
    return f"{text[:head]}{note}{text[len(text) - (kept - head) :]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The removable parts of a conversation, as positions of messages.

    Attributes:
        units: the groups of messages that are dropped together, in this order.
        results: the results outside the last turn, by position.
        last_results: the results of the last turn, by position.
    """

    units: tuple[tuple[int, ...], ...]
    results: Mapping[int, ToolResult]
    last_results: Mapping[int, ToolResult]


@dataclass(slots=True, kw_only=True)
class _Round:
    """A user message, or None, and the turns that answer it."""

    user: int | None = None
    turns: list[list[int]] = field(default_factory=list)

    def units(self) -> list[tuple[int, ...]]:
        """Return the turns, oldest first; the user message belongs to the last of them."""
        units = [tuple(turn) for turn in self.turns]
        if self.user is not None:
            last = units.pop() if units else ()
            units.append((self.user, *last))
        return units


def _lay_out(messages: Sequence[Message]) -> _Layout:
    rounds: list[_Round] = []
    for position, message in enumerate(messages):
        match message:
            case SystemMessage():
                pass
            case UserMessage():
                rounds.append(_Round(user=position))
            case AssistantMessage():
                if not rounds:
                    rounds.append(_Round())
                rounds[-1].turns.append([position])
            case ToolResult():  # a history has a call before each result
                rounds[-1].turns[-1].append(position)
    units = [unit for earlier in rounds[:-1] for unit in earlier.units()]
    last: list[int] = []
    if rounds and rounds[-1].turns:
        *older, last = rounds[-1].turns
        units += [tuple(turn) for turn in older]
    results = {at: each for at, each in enumerate(messages) if isinstance(each, ToolResult)}
    last_results = {at: results.pop(at) for at in last[1:]}
    return _Layout(units=tuple(units), results=results, last_results=last_results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """How much to remove.

    Attributes:
        shortened: the number of old results to shorten, oldest first.
        dropped: the number of units to drop.
        last_characters: the length of each result of the last turn; None to keep them.
    """

    shortened: int = 0
    dropped: int = 0
    last_characters: int | None = None


class _Search:
    """Finds the smallest cut of one conversation after which it fits."""

    def __init__(
        self, request: ModelRequest, *, counter: TokenCounter, room: int, strategy: FitStrategy
    ) -> None:
        self._request = request
        self._counter = counter
        self._room = room
        self._strategy = strategy
        self._messages = request.history.messages
        self._layout = _lay_out(self._messages)
        self._results = {**self._layout.results, **self._layout.last_results}
        self._short: dict[tuple[int, int], ToolResult | None] = {}
        limit = strategy.result_characters
        can_shorten = self._layout.results if strategy.shorten_results else {}
        self._old = tuple(at for at in can_shorten if self._shortened(at, limit) is not None)
        self._most_dropped = len(self._layout.units) if strategy.drop_turns else 0

    def find(self) -> _Cut | None:
        """Return the cut; None if removing everything is not enough."""
        last_characters = self._shorten_last()
        least = self._largest_cut(last_characters)
        floor = self._count(least)
        if floor > self._room:
            return None
        target = self._target(floor)

        def shortens_enough(shortened: int) -> bool:
            cut = _Cut(shortened=shortened, last_characters=last_characters)
            return self._count(cut) <= target

        def drops_enough(dropped: int) -> bool:
            return self._count(replace(least, dropped=dropped)) <= target

        if shortens_enough(len(self._old)):
            shortened = _first(shortens_enough, len(self._old))
            return _Cut(shortened=shortened, last_characters=last_characters)
        return replace(least, dropped=_first(drops_enough, self._most_dropped))

    def fitted(self, cut: _Cut, *, tokens_before: int) -> Fitted:
        """Return the request after a cut."""
        request = self._after(cut)
        gone = self._gone(cut)
        shorter = self._replaced(cut)
        return Fitted(
            request=request,
            tokens=self._counter.count(request),
            tokens_before=tokens_before,
            dropped=tuple(self._messages[at] for at in sorted(gone)),
            shortened_results=len(shorter.keys() - gone),
        )

    def explain(self) -> str:
        """Describe the minimum request and what the caller can change."""
        request = self._after(self._largest_cut(_LEAST_CHARACTERS))
        least = self._counter.count(request)
        tools = least - self._counter.count(replace(request, tools=()))
        instructions = least - self._counter.count(replace(request, instructions=""))
        advice = [
            "shorten the longest part",
            "lower max_tokens",
            "use a model with a larger window",
        ]
        if not self._counter.is_exact:
            advice.append("set a larger window_tokens, as these numbers are estimates")
        if not self._strategy.drop_turns:
            advice.append("allow turns to be dropped (drop_turns)")
        if not self._strategy.shorten_results:
            advice.append("allow results to be shortened (shorten_results)")
        return (
            f"the smallest request has {least:,}: {instructions:,} of instructions, "
            f"{tools:,} of {len(request.tools)} tools, and {least - tools - instructions:,} of "
            f"messages that are kept (system messages, the last user message and the turn after "
            f"it); {', or '.join(advice)}."
        )

    def _largest_cut(self, last_characters: int | None) -> _Cut:
        """Return the largest cut that the strategy allows."""
        if not self._strategy.shorten_results:
            last_characters = None
        return _Cut(
            shortened=len(self._old), dropped=self._most_dropped, last_characters=last_characters
        )

    def _target(self, floor: int) -> int:
        """Return the target length of the prompt, where `floor` is the length of the kept part."""
        return floor + int((self._room - floor) * self._strategy.fill)

    def _shorten_last(self) -> int | None:
        """Return the length of the newest results; None if they need not be shortened."""
        if self._count(self._largest_cut(None)) <= self._room or not self._strategy.shorten_results:
            return None
        target = self._target(self._count(self._largest_cut(_LEAST_CHARACTERS)))
        lengths = (len(result_text(result)) for result in self._layout.last_results.values())
        characters = max(lengths, default=0) // 2
        while characters > _LEAST_CHARACTERS:
            if self._count(self._largest_cut(characters)) <= target:
                return characters
            characters //= 2
        return _LEAST_CHARACTERS

    def _count(self, cut: _Cut) -> int:
        return self._counter.count(self._after(cut))

    def _after(self, cut: _Cut) -> ModelRequest:
        """Return the request after a cut."""
        gone = self._gone(cut)
        shorter = self._replaced(cut)
        messages = [
            shorter.get(at, message) for at, message in enumerate(self._messages) if at not in gone
        ]
        return replace(self._request, history=History(messages))

    def _gone(self, cut: _Cut) -> set[int]:
        return {at for unit in self._layout.units[: cut.dropped] for at in unit}

    def _replaced(self, cut: _Cut) -> dict[int, ToolResult]:
        """Return the shorter results, by the position of the longer ones."""
        limits = dict.fromkeys(self._old[: cut.shortened], self._strategy.result_characters)
        if cut.last_characters is not None:
            limits |= dict.fromkeys(self._layout.last_results, cut.last_characters)
        found = {at: self._shortened(at, limit) for at, limit in limits.items()}
        return {at: result for at, result in found.items() if result is not None}

    def _shortened(self, position: int, characters: int) -> ToolResult | None:
        """Return a result made shorter, always the same one; None if it is short already."""
        key = (position, characters)
        if key not in self._short:
            result = self._results[position]
            text = result_text(result)
            content = text_blocks(shorten_text(text, characters))
            is_shorter = len(text) > characters
            self._short[key] = (
                replace(result, content=content, structured_content=None) if is_shorter else None
            )
        return self._short[key]


def _first(is_enough: Callable[[int], bool], most: int) -> int:
    """Return the smallest number up to `most` that is enough; `most` is known to be."""
    least = 0
    while least < most:
        middle = (least + most) // 2
        if is_enough(middle):
            most = middle
        else:
            least = middle + 1
    return most
