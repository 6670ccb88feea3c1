"""Offer, of many tools, those that a conversation needs.

In:  a toolset, and the conversation before each turn.
Out: a toolset that offers a few of its tools, and one to look for others.

What is offered depends on the conversation alone, so a run that goes on later sees the same tools.
Tools are ranked by BM25 over their names, descriptions and parameters (Robertson and Zaragoza,
"The Probabilistic Relevance Framework", 2009); nothing is asked of a network or a model.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import Any

from agentkit.event import ToolsetReported
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.message import AssistantMessage, ToolResult, UserMessage
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset, namespaces_of, take_reports

SEARCH_THRESHOLD = 60
"""So many tools are all offered; a model loses its way among more."""

OFFERED = 20
RECENT_MESSAGES = 200

_SATURATION, _LENGTH_WEIGHT = 1.5, 0.75  # BM25's k1 and b, at their usual values
_NAME_WEIGHT = 3
_SUMMARY = 160
_WORD = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def searchable(
    toolset: Toolset,
    *,
    over: int = SEARCH_THRESHOLD,
    offered: int = OFFERED,
    name: str = "find_tools",
) -> Toolset:
    """Offer all tools of a small set, and of a large one those that the conversation needs.

    Args:
        toolset: the tools; they may come and go.
        over: so many tools are still offered all, 0 or more.
        offered: how many are offered for what the user said, and found at once, 1 or more.
        name: of the tool by which the model finds more.
    """
    return _Searched(toolset, over=over, offered=offered, name=name)


class ToolIndex:
    """Ranks tools by the words of a query."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools: tuple[Tool[..., Any], ...] = tuple(tools)
        self._postings: dict[str, list[tuple[int, int]]] = {}
        self._lengths: list[int] = []
        for at, tool in enumerate(self.tools):
            counts = Counter(_words_of(tool))
            self._lengths.append(counts.total())
            for word, count in counts.items():
                self._postings.setdefault(word, []).append((at, count))
        self._mean = sum(self._lengths) / max(1, len(self._lengths)) or 1.0

    def rank(self, query: str, *, most: int) -> list[Tool]:
        """Return the tools that share words with `query`, the likeliest first."""
        scores: Counter[int] = Counter()
        for word in set(_words(query)):
            postings = self._postings.get(word, ())
            rarity = math.log(1 + (len(self.tools) - len(postings) + 0.5) / (len(postings) + 0.5))
            for at, count in postings:
                length = 1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * self._lengths[at] / self._mean
                weight = count * (_SATURATION + 1) / (count + _SATURATION * length)
                scores[at] += rarity * weight  # type: ignore[assignment]  # a Counter of floats
        return [self.tools[at] for at, _ in scores.most_common(most)]


class _Searched:
    """A toolset behind a search."""

    def __init__(self, toolset: Toolset, *, over: int, offered: int, name: str) -> None:
        self._toolset = toolset
        self._over = over
        self._offered = offered
        self._index = ToolIndex(())
        self.namespace: str = getattr(toolset, "namespace", "")
        self.namespaces = namespaces_of(toolset)
        self._find_tool = Tool.from_schema(
            name=name,
            description=(
                "Find tools for something that none of the tools on offer can do. There are many "
                "more than are shown. Those found can be called from then on."
            ),
            input_schema={
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "what the tool should do"}
                },
                "required": ["query"],
                "additionalProperties": False,
            },
            handler=self._find,
            read_only=True,
            open_world=False,
        )

    def open(self) -> AbstractAsyncContextManager[None]:
        return self._toolset.open()

    async def list_tools(self, history: History, /) -> Sequence[Tool]:
        tools = tuple(await self._toolset.list_tools(history))
        if len(tools) <= self._over:
            return tools
        tools = tuple(self._others(tools))
        if not history:
            return (self._find_tool, *tools)
        if tools != self._index.tools:
            self._index = ToolIndex(tools)
        messages = list(islice(reversed(history), RECENT_MESSAGES))
        needed = {tool.name for tool in self._rank(_latest_messages(messages))}
        needed.update(self._named(messages))
        return (self._find_tool, *(tool for tool in tools if tool.name in needed))

    def take_reports(self) -> Sequence[ToolsetReported]:
        return take_reports(self._toolset)

    def _others(self, tools: Iterable[Tool]) -> Iterator[Tool]:
        """Yield the tools without one that has the name of the search, as a server might."""
        return (tool for tool in tools if tool.name != self._find_tool.name)

    def _rank(self, query: str) -> list[Tool]:
        return self._index.rank(query, most=self._offered)

    def _find(self, arguments: JsonObject) -> Any:
        found = self._rank(str(arguments["query"]))
        if not found:
            return "No tool fits these words. Try others, or go on without."
        return {"tools": [{"name": one.name, "description": _summary(one)} for one in found]}

    def _named(self, messages: Sequence[object]) -> Iterator[str]:
        """Yield the names of tools that were called or found, the latest first, so many of them."""
        names = {tool.name for tool in self._index.tools}
        recent = dict.fromkeys(_mentions(messages, find=self._find_tool.name))
        for mentioned in islice(recent, 4 * self._offered):
            # A toolset around this one may have put a prefix before the name.
            yield from (name for name in _endings(mentioned) if name in names)


def _latest_messages(messages: Iterable[object]) -> str:
    """Return the latest messages of the user in this conversation, as one text."""
    said = (one.text for one in messages if isinstance(one, UserMessage))
    return "\n".join(islice(said, 3))


def _mentions(messages: Iterable[object], *, find: str) -> Iterator[str]:
    """Yield the names in calls and in what was found."""
    found: list[JsonObject | Mapping[str, Any]] = []
    for message in messages:
        if isinstance(message, ToolResult) and isinstance(message.structured_content, Mapping):
            found.append(message.structured_content)
        elif isinstance(message, AssistantMessage):
            yield from (call.name for call in message.tool_calls)
            if any(call.name.endswith(find) for call in message.tool_calls):
                yield from (name for one in found for name in _found_names(one))
            found = []


def _found_names(structured: Mapping[str, Any]) -> Iterator[str]:
    listed = structured.get("tools")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            yield one["name"]


def _endings(name: str) -> Iterator[str]:
    """Yield a name, and what is left of it after each underscore."""
    yield name
    while "_" in name:
        name = name.partition("_")[2]
        yield name


def _words_of(tool: Tool) -> Iterator[str]:
    for _ in range(_NAME_WEIGHT):
        yield from _words(f"{tool.name} {tool.title or ''}")
    yield from _words(tool.description)
    parameters = tool.input_schema.get("properties")
    for name in parameters if isinstance(parameters, Mapping) else ():
        yield from _words(name)


def _words(text: str) -> Iterator[str]:
    """Yield words in lower case, those within names too, without the plural's end."""
    for word in _WORD.findall(_HUMP.sub(" ", text)):
        plain = word.lower()
        yield plain[:-1] if len(plain) > 3 and plain[-1] == "s" and plain[-2] != "s" else plain


def _summary(tool: Tool) -> str:
    first = tool.description.strip().partition("\n")[0]
    return first if len(first) <= _SUMMARY else first[: _SUMMARY - 1] + "…"
