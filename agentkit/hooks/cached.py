"""Remember what tools that only read gave.

In:  a `Toolset`, bounds of size and age.
Out: a `Toolset` of the same tools; a call that was answered before is answered from memory.

Each set has a memory of its own. Errors are not remembered. Two equal calls at the same time both
run.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from agentkit.clock import Clock, SystemClock
from agentkit.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
)
from agentkit.hooks.tool_middleware import wrapped_tools
from agentkit.message import ToolResult
from agentkit.tools.execute import Proceed
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass, replace


def cached(
    toolset: Toolset,
    *,
    max_entries: int = 256,
    max_characters: int = 4_000_000,
    max_age_seconds: float = 300.0,
    with_context: bool = False,
    clock: Clock | None = None,
) -> Toolset:
    """Return the same tools; those that only read answer equal calls from memory.

    A tool that polls is never answered from memory.

    Args:
        toolset: the tools; of those with effects nothing is remembered.
        max_entries: most results that are kept, 1 or more; the least recently used goes first.
        max_characters: most text and data of all results that are kept.
        max_age_seconds: how long a result is good for, above 0.
        with_context: remember tools that take a `RunContext` too; only right where what they give
            does not depend on who asks.
        clock: where time comes from.

    Raises:
        ValueError: a bound makes no sense.
    """
    if max_entries < 1 or max_characters < 1 or not max_age_seconds > 0:
        raise ValueError(
            f"A cache of {max_entries} entries, {max_characters} characters and "
            f"{max_age_seconds} seconds keeps nothing; use 1 or more entries and characters, "
            "and more than 0 seconds."
        )
    memory = _Memory(
        max_entries=max_entries,
        max_characters=max_characters,
        max_age_seconds=max_age_seconds,
        clock=clock or SystemClock(),
    )

    def is_cacheable(tool: Tool) -> bool:
        is_anyones = with_context or not tool.binding.takes_context
        return tool.annotations.read_only_hint and is_anyones and not tool.polls

    return wrapped_tools(toolset, memory.middleware, only=is_cacheable)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A result, how much it holds, and until when it is good."""

    result: ToolResult
    characters: int
    until: float


class _Memory:
    """Results by tool and arguments, least recently used first; safe over threads."""

    def __init__(
        self, *, max_entries: int, max_characters: int, max_age_seconds: float, clock: Clock
    ) -> None:
        self._max_entries = max_entries
        self._max_characters = max_characters
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._characters = 0
        self._lock = Lock()

    async def middleware(self, ready: ReadyCall, proceed: Proceed) -> ToolResult:
        """Answer a call from memory, or run it and remember what it gave."""
        key = (ready.tool.name, json.dumps(ready.arguments, sort_keys=True))
        known = self._recall(key)
        if known is not None:
            return replace(known, call_id=ready.call.id)
        asked_at = self._clock.monotonic()
        result = await proceed()
        if not result.is_error:
            self._keep(key, result, until=asked_at + self._max_age_seconds)
        return result

    def _recall(self, key: tuple[str, str]) -> ToolResult | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.until <= self._clock.monotonic():
                self._drop(key)
                return None
            self._entries.move_to_end(key)
            return entry.result

    def _keep(self, key: tuple[str, str], result: ToolResult, *, until: float) -> None:
        characters = len(key[1]) + _size(result.content) * (
            1 if result.structured_content is None else 2
        )
        if characters > self._max_characters:
            return
        with self._lock:
            if key in self._entries:
                self._drop(key)
            self._entries[key] = _Entry(result=result, characters=characters, until=until)
            self._characters += characters
            while len(self._entries) > self._max_entries or self._characters > self._max_characters:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: tuple[str, str]) -> None:
        self._characters -= self._entries.pop(key).characters


def _size(blocks: Iterable[ContentBlock]) -> int:
    """Return how many characters of text and data there are."""
    size = 0
    for block in blocks:
        match block:
            case TextContent(text=text):
                size += len(text)
            case ImageContent(data=data) | AudioContent(data=data):
                size += len(data)
            case EmbeddedResource(text=text, blob=blob):
                size += len(text or blob or "")
            case _:
                pass  # links and thoughts are short
    return size
