"""Cache the results of read-only tools.

In:  a `Toolset`, limits of size and age.
Out: a `Toolset` of the same tools; a repeated call gets its result from the cache.

Each toolset has its own cache. Errors are not cached. Two equal calls at the same time both run.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
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
from agentkit.tools.tool import Tool
from agentkit.tools.tool_run import Proceed
from agentkit.tools.toolset import Toolset
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass


def cached(
    toolset: Toolset,
    *,
    max_entries: int = 256,
    max_characters: int = 4_000_000,
    max_age_seconds: float = 300.0,
    with_context: bool = False,
    clock: Clock | None = None,
) -> Toolset:
    """Return the same tools, with the results of read-only tools cached.

    A tool with `polls` is never cached.

    Args:
        toolset: the tools; results of tools with effects are not cached.
        max_entries: the most results that are kept, 1 or more; the least recently used is evicted.
        max_characters: the most text and data of all kept results together.
        max_age_seconds: how long a result is valid, above 0.
        with_context: also cache tools that take a `RunContext`; only right if their results do not
            depend on the caller.
        clock: the source of time.

    Raises:
        ValueError: a limit is out of range.
    """
    if max_entries < 1 or max_characters < 1 or not max_age_seconds > 0:
        raise ValueError(
            f"A cache of {max_entries} entries, {max_characters} characters and "
            f"{max_age_seconds} seconds keeps nothing; use 1 or more entries and characters, "
            "and more than 0 seconds."
        )
    cache = _ResultCache(
        max_entries=max_entries,
        max_characters=max_characters,
        max_age_seconds=max_age_seconds,
        clock=clock or SystemClock(),
    )

    def is_cacheable(tool: Tool) -> bool:
        is_shared = with_context or not tool.binding.takes_context
        return tool.annotations.read_only_hint and is_shared and not tool.polls

    return wrapped_tools(toolset, cache.middleware, only=is_cacheable)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A result, its size, and when it expires."""

    result: ToolResult
    characters: int
    expires_at: float


class _ResultCache:
    """Results by tool and arguments, least recently used first; thread-safe."""

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
        """Return the cached result of a call, or run it and cache its result."""
        key = (ready.tool.name, json.dumps(ready.arguments, sort_keys=True))
        known = self._look_up(key)
        if known is not None:
            return replace(known, call_id=ready.call.id)
        started_at = self._clock.monotonic()
        result = await proceed()
        if not result.is_error:
            self._store(key, result, expires_at=started_at + self._max_age_seconds)
        return result

    def _look_up(self, key: tuple[str, str]) -> ToolResult | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.expires_at <= self._clock.monotonic():
                self._drop(key)
                return None
            self._entries.move_to_end(key)
            return entry.result

    def _store(self, key: tuple[str, str], result: ToolResult, *, expires_at: float) -> None:
        characters = len(key[1]) + _size(result.content) * (
            1 if result.structured_content is None else 2
        )
        if characters > self._max_characters:
            return
        with self._lock:
            if key in self._entries:
                self._drop(key)
            self._entries[key] = _Entry(result=result, characters=characters, expires_at=expires_at)
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
            case TextContent(text):
                size += len(text)
            case ImageContent(data=data) | AudioContent(data=data):
                size += len(data)
            case EmbeddedResource(text=text, blob=blob):
                size += len(text or blob or "")
            case _:
                pass  # links and reasoning are short

    return size
