"""Stand around the calls of tools.

In:  a `Toolset`, a function that stands around each call.
Out: a `Toolset` of the same tools.

What a hook raises is told to the model as what a tool raises is; what is behind the hook, the
journal and the listeners, is not its business and goes on as it came.
"""

from collections.abc import Callable
from typing import TypeAlias

from agentkit.message import ToolResult
from agentkit.tools.execute import Around, Proceed
from agentkit.tools.result_content import describe_failure
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset, mapped
from agentkit.tools.validate import ReadyCall
from agentkit.value import replace

ToolMiddleware: TypeAlias = Around
"""Gets a checked call and a function that runs it; returns the call's result.

It may run the call, run it again, change its result, or answer in its place. To change arguments,
or to ask a person, use `Agent(approve=...)`: what runs is settled before it is begun.
"""


def wrapped_tools(
    toolset: Toolset, around: ToolMiddleware, *, only: Callable[[Tool], bool] | None = None
) -> Toolset:
    """Return the same tools with `around` around each of their calls.

    Args:
        toolset: the tools; they may come and go.
        around: the hook; of several, the one that was put on last is outermost.
        only: which tools to stand around; left out, all.
    """
    contained = _contain(around)

    def watch(tool: Tool) -> Tool:
        if only is not None and not only(tool):
            return tool
        return replace(tool, around=(contained, *tool.around))

    return mapped(toolset, watch)


def _contain(around: ToolMiddleware) -> ToolMiddleware:
    """Return a hook whose own exceptions become an answer for the model."""

    async def contained(ready: ReadyCall, proceed: Proceed) -> ToolResult:
        passed_on: list[Exception] = []

        async def watched() -> ToolResult:
            try:
                return await proceed()
            except Exception as error:
                passed_on.append(error)
                raise

        try:
            return await around(ready, watched)
        except Exception as error:  # noqa: BLE001 - a stranger's code, told to the model
            if passed_on:
                # A listener of the run failed, not the tool, whose failures are results.
                raise passed_on[0] from None
            failure = describe_failure(ready, error)
            return ToolResult.of(ready.call.id, failure.text, is_error=True)

    return contained
