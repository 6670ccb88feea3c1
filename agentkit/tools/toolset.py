"""Sets of tools, and sets made of sets.

In:  functions, tools and toolsets, in any mixture.
Out: `Toolset`s: fixed, combined, filtered, prefixed, renamed.

Tools may come and go between turns, and a set may offer what a conversation needs of many. Two
tools of one name are an error as soon as they can be known: when the set is made, or when a set
that changes is asked. If toolsets with a `namespace` of their own share a name, it is put before
that name.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from functools import cached_property
from inspect import iscoroutine
from typing import Any, Protocol, TypeAlias, runtime_checkable

from agentkit.chat import ToolSpec
from agentkit.errors import ToolDefinitionError
from agentkit.event import ToolsetReported
from agentkit.history import History
from agentkit.tools.tool import Tool, tool
from agentkit.tools.tool_options import valid_tool_name


@runtime_checkable
class Toolset(Protocol):
    """Tools that belong together, with what must be open while they are used."""

    def open(self) -> AbstractAsyncContextManager[None]:
        """Return a context in which the tools work, e.g. a connection."""

    async def list_tools(self, history: History, /) -> Sequence[Tool]:
        """Return the tools for the next turn of a conversation; asked before every turn.

        Args:
            history: the conversation; the same one gives the same tools, and an empty one gives
                all of them.
        """


@runtime_checkable
class Reports(Protocol):
    """A toolset to which things happen between calls, such as the end of a server."""

    def take_reports(self) -> Sequence[ToolsetReported]:
        """Return what happened since the last time."""


def take_reports(toolset: Toolset) -> Sequence[ToolsetReported]:
    """Return what happened to a toolset since the last time."""
    take: Callable[[], Sequence[ToolsetReported]] | None = getattr(toolset, "take_reports", None)
    return () if take is None else take()


ToolLike: TypeAlias = Tool | Callable[..., Any] | Toolset


class ListedTools:
    """Tools that were listed, by name, and as a model sees them.

    Attributes:
        tools: the tools, in their order.
        by_name: the same, by name.
    """

    def __init__(self, tools: tuple[Tool[..., Any], ...] = ()) -> None:
        """Index tools.

        Raises:
            ToolDefinitionError: two have one name.
        """
        self.tools = tools
        self.by_name: Mapping[str, Tool] = index_tools(tools)

    @cached_property
    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what a model sees of the tools; the same objects each time."""
        return tuple([tool.spec for tool in self.by_name.values()])

    def of(self, toolset: Toolset, listed: Sequence[Tool]) -> "ListedTools":
        """Return the index of what a toolset listed now; the same one for the same tools."""
        if listed is self.tools:
            return self
        if isinstance(toolset, StaticToolset) and listed is toolset.index.tools:
            return toolset.index
        tools = tuple(listed)
        return self if tools == self.tools else ListedTools(tools)


class StaticToolset:
    """A fixed set of tools.

    Attributes:
        index: the tools by name, for all runs that have them.
    """

    def __init__(self, tools: Iterable[Tool | Callable[..., Any]] = ()) -> None:
        """Make a tool of each function, and keep all in order.

        Raises:
            ToolDefinitionError: one cannot be offered, or two have one name.
        """
        self.index: ListedTools = ListedTools(tuple(_as_tool(one) for one in tools))

    @property
    def tools(self) -> tuple[Tool[..., Any], ...]:
        """Return the tools."""
        return self.index.tools

    def open(self) -> AbstractAsyncContextManager[None]:
        """Return a context that does nothing."""
        return nullcontext()

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """Return the same tools each time."""
        return self.index.tools


def as_toolset(tools: Iterable[ToolLike]) -> Toolset:
    """Make one toolset of functions, tools and toolsets, in their order.

    Raises:
        ToolDefinitionError: something is none of these, or two tools have one name.
    """
    listed: object = tools
    if isinstance(listed, str | bytes | Mapping) or not isinstance(listed, Iterable):
        instead = "[*tools.values()]" if isinstance(listed, Mapping) else "[…]"
        raise ToolDefinitionError(f"tools={tools!r} is no list of tools; write tools={instead}.")
    return combined(*(one if isinstance(one, Toolset) else StaticToolset([one]) for one in tools))


def combined(*toolsets: Toolset) -> Toolset:
    """Join toolsets into one that lists their tools in order.

    Raises:
        ToolDefinitionError: two of the fixed tools have one name, or two servers do.
    """
    if len(toolsets) == 1:
        return toolsets[0]
    names = Counter(name for one in toolsets for name in namespaces_of(one))
    for name, count in names.items():
        if count > 1:
            raise ToolDefinitionError(
                f"{count} servers have the name {name!r}, so their tools could not be "
                "distinguished. Give one another name, e.g. MCPToolset.stdio(…, name=…)."
            )
    fixed = [one for one in toolsets if isinstance(one, StaticToolset)]
    joined = StaticToolset(tool for one in fixed for tool in one.tools)
    return joined if len(fixed) == len(toolsets) else _Combined(toolsets)


def fixed_tools(toolset: Toolset) -> Iterable[Tool]:
    """Return the tools that a toolset always has."""
    if isinstance(toolset, StaticToolset):
        return toolset.tools
    return getattr(toolset, "fixed_tools", ())


def namespaces_of(toolset: Toolset) -> tuple[str, ...]:
    """Return the names of the servers whose tools a toolset lists."""
    names: tuple[str, ...] | None = getattr(toolset, "namespaces", None)
    if names is not None:
        return names
    name: str = getattr(toolset, "namespace", "")
    return (name,) if name else ()


def filtered(toolset: Toolset, predicate: Callable[[Tool], bool]) -> Toolset:
    """Offer those tools for which `predicate` is true; it is asked before every turn."""
    return _Mapped(toolset, lambda tool: tool if predicate(tool) else None, keep=False)


def prefixed(toolset: Toolset, prefix: str) -> Toolset:
    """Put `prefix` before the name of each tool.

    Raises:
        ToolDefinitionError: a name is no longer allowed.
    """
    return mapped(toolset, lambda tool: tool.renamed(f"{prefix}{tool.name}"))


def renamed(toolset: Toolset, names: Mapping[str, str]) -> Toolset:
    """Give other names to some tools; `names` maps old to new.

    Raises:
        ToolDefinitionError: a name is not allowed, is used twice, or an old one does not exist.
    """
    if isinstance(toolset, StaticToolset):
        unknown = sorted(set(names) - {tool.name for tool in toolset.tools})
        if unknown:
            raise ToolDefinitionError(
                f"Cannot rename {unknown}: the tools are {[tool.name for tool in toolset.tools]}."
            )

    def rename(tool: Tool) -> Tool:
        return tool.renamed(names[tool.name]) if tool.name in names else tool

    return mapped(toolset, rename)


def mapped(toolset: Toolset, change: Callable[[Tool], Tool]) -> Toolset:
    """Change each tool, at once where the set is fixed; a tool that stays is changed once."""
    if isinstance(toolset, StaticToolset):
        return StaticToolset(change(tool) for tool in toolset.tools)
    return _Mapped(toolset, change, keep=True)


def index_tools(tools: Iterable[Tool]) -> Mapping[str, Tool]:
    """Return tools by name, in their order.

    Raises:
        ToolDefinitionError: two have one name.
    """
    found: dict[str, Tool] = {}
    for one in tools:
        other = found.setdefault(one.name, one)
        if other is not one:
            raise ToolDefinitionError(
                f"Two tools have the name {one.name!r}: {other.origin} and {one.origin}. "
                "Give one another name, e.g. with @tool(name=…), prefixed(…) or renamed(…)."
            )
    return found


def _as_tool(one: object) -> Tool:
    """Make a tool of a function; refuse what can never be called."""
    if not isinstance(one, Tool):
        if iscoroutine(one):
            one.close()
            raise ToolDefinitionError(
                f"{one.__qualname__!r} was called; pass the function itself: "
                f"tools=[{one.__name__}], without parentheses."
            )
        if not callable(one):
            raise ToolDefinitionError(
                f"{one!r} cannot be a tool; pass a function, a Tool or a Toolset."
            )
        one = tool(one)
    if one.method_of is not None:
        raise ToolDefinitionError(
            f"The tool {one.name!r} is a method of {one.method_of!r} and needs an instance: "
            f"pass {one.method_of.lower()}.{one.name} of an instance."
        )
    return one


class _Combined:
    """Several toolsets, of which some may change."""

    def __init__(self, toolsets: Sequence[Toolset]) -> None:
        self._toolsets = tuple(toolsets)
        self.namespaces = tuple(name for one in toolsets for name in namespaces_of(one))
        self.fixed_tools = tuple(tool for one in toolsets for tool in fixed_tools(one))
        self._prefixed: dict[Tool, Tool] = {}
        self._dropped: dict[str, ToolsetReported] = {}
        self._reports: list[ToolsetReported] = []

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for toolset in self._toolsets:
                await stack.enter_async_context(toolset.open())
            yield

    def open(self) -> AbstractAsyncContextManager[None]:
        return self._open()

    async def list_tools(self, history: History, /) -> Sequence[Tool]:
        return self._join([await one.list_tools(history) for one in self._toolsets])

    def take_reports(self) -> Sequence[ToolsetReported]:
        own, self._reports = self._reports, []
        return [*(report for one in self._toolsets for report in take_reports(one)), *own]

    def _join(self, lists: Sequence[Sequence[Tool]]) -> Sequence[Tool]:
        """Join the listed tools; a name that is not unique gets its server's name as a prefix."""
        seen = Counter(tool.name for tools in lists for tool in tools)
        kept, self._prefixed = self._prefixed, {}
        # Tools without a server keep their names, whatever servers list.
        taken = {
            tool.name
            for toolset, tools in zip(self._toolsets, lists, strict=True)
            for tool in tools
            if not _namespace(toolset, tool)
        }
        joined: list[Tool] = []
        dropped: dict[str, ToolsetReported] = {}
        for toolset, tools in zip(self._toolsets, lists, strict=True):
            for listed in tools:
                namespace = _namespace(toolset, listed)
                if not namespace:
                    joined.append(listed)
                    continue
                if seen[listed.name] > 1 or self._is_like_another_server(listed.name, namespace):
                    listed = self._prefix(listed, namespace, kept)
                if listed.name in taken:
                    dropped[listed.name] = _dropped(listed.name, namespace)
                    continue
                taken.add(listed.name)
                joined.append(listed)
        self._reports += [one for name, one in dropped.items() if name not in self._dropped]
        self._dropped = dropped
        index_tools(joined)
        return tuple(joined)

    def _is_like_another_server(self, name: str, namespace: str) -> bool:
        """Return whether a name looks like a prefixed tool of another server.

        Rules that allow match offered names such as `files_read`; another server must not be able
        to list a tool under such a name.
        """
        return any(name.startswith(f"{other}_") for other in self.namespaces if other != namespace)

    def _prefix(self, tool: Tool, namespace: str, kept: Mapping[Tool, Tool]) -> Tool:
        """Return a tool under its server's name; the same object as in the last turn."""
        prefix = f"{namespace}_"
        if tool.name != tool.own_name and tool.name.startswith(prefix):
            return tool  # by a combination within this one
        found = kept.get(tool) or tool.renamed(valid_tool_name(f"{prefix}{tool.name}"))
        self._prefixed[tool] = found
        return found


def _namespace(toolset: Toolset, tool: Tool) -> str:
    """Return the server of a tool; empty if it has none."""
    name: str = tool.namespace or getattr(toolset, "namespace", "")
    return name


def _dropped(name: str, namespace: str) -> ToolsetReported:
    message = f"A tool is left out: its name {name!r} is the name of another tool."
    return ToolsetReported(toolset=namespace, level="warning", message=message)


class _Mapped:
    """A toolset with each tool changed or left out.

    With `keep`, a tool that stays is changed once: its spec is encoded once, by identity.
    """

    def __init__(
        self, toolset: Toolset, change: Callable[[Tool], Tool | None], *, keep: bool
    ) -> None:
        self._toolset = toolset
        self._change = change
        self._keep = keep
        self._kept: dict[Tool, Tool | None] = {}
        self.namespace: str = getattr(toolset, "namespace", "")
        self.namespaces = namespaces_of(toolset)

    def open(self) -> AbstractAsyncContextManager[None]:
        return self._toolset.open()

    async def list_tools(self, history: History, /) -> Sequence[Tool]:
        return self._map(await self._toolset.list_tools(history))

    def take_reports(self) -> Sequence[ToolsetReported]:
        return take_reports(self._toolset)

    def _map(self, listed: Sequence[Tool]) -> Sequence[Tool]:
        kept = self._kept if self._keep else {}
        self._kept = {one: kept[one] if one in kept else self._change(one) for one in listed}
        tools = tuple(one for one in self._kept.values() if one is not None)
        index_tools(tools)
        return tools
