"""Which dependencies the tools of an agent need.

In:  a toolset, the type of the agent's dependencies.
Out: the first tool that needs dependencies; an error if it needs others.

Only what the annotations of fixed tools say counts; what servers list needs none.
"""

from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

from agentkit.errors import ToolDefinitionError
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset, fixed_tools

Needed: TypeAlias = tuple[str, Any]
"""The name of a tool and the type of the dependencies that it needs."""


def needed_deps(toolset: Toolset) -> Needed | None:
    """Return the first tool that cannot work without dependencies, and their type."""
    for tool in fixed_tools(toolset):
        if _is_needed(needed := _deps_type(tool)):
            return tool.name, needed
    return None


def check_deps_type(toolset: Toolset, given: Any) -> None:
    """Check that all tools can work with dependencies of a type.

    Raises:
        ToolDefinitionError: a tool needs others.
    """
    for tool in fixed_tools(toolset):
        needed = _deps_type(tool)
        if not _accepts(needed, given):
            raise ToolDefinitionError(
                f"The tool {tool.name!r} takes a RunContext[{name_of(needed)}], and the deps_type "
                f"of the agent is {name_of(given)}."
            )


def name_of(kind: Any) -> str:
    """Return the name of a type, for messages."""
    return getattr(kind, "__qualname__", None) or str(kind)


def _deps_type(tool: Tool) -> Any:
    return getattr(tool.binding, "deps_type", Any)


def _is_needed(kind: Any) -> bool:
    """Return whether None is no value of a type; only classes are certain."""
    if get_origin(kind) in (Union, UnionType):
        return all(map(_is_needed, get_args(kind)))
    return isinstance(get_origin(kind) or kind, type) and kind not in (Any, object, NoneType)


def _accepts(needed: Any, given: Any) -> bool:
    """Return whether a value of the type `given` may be one of the type `needed`."""
    if get_origin(needed) in (Union, UnionType):
        return any(_accepts(one, given) for one in get_args(needed))
    wide, narrow = get_origin(needed) or needed, get_origin(given) or given
    if not (isinstance(wide, type) and isinstance(narrow, type)):
        return True
    if wide in (Any, NoneType) or narrow is Any:
        return True
    try:
        return issubclass(narrow, wide)
    except TypeError:  # a protocol that is not made for checks at runtime
        return True
