"""Wrap the calls of tools in middleware.

In:  a `Toolset`, a function that wraps each call.
Out: a `Toolset` of the same tools.

An exception of the middleware becomes an error result for the model, as an exception of the tool
does. Exceptions of the journal and of listeners, which run inside it, pass through unchanged.
"""

from collections.abc import Callable
from dataclasses import replace

from agentkit.errors import wrong_return
from agentkit.message import ToolResult
from agentkit.tools.result_content import describe_failure
from agentkit.tools.tool import Tool
from agentkit.tools.tool_run import Proceed, ToolMiddleware
from agentkit.tools.toolset import Toolset, mapped
from agentkit.tools.validate import ReadyCall


def wrapped_tools(
    toolset: Toolset, middleware: ToolMiddleware, *, only: Callable[[Tool], bool] | None = None
) -> Toolset:
    """Return the same tools, with each of their calls wrapped in `middleware`.

    The middleware gets a validated call and a function that runs it, and returns the call's
    result. It may run the call, run it again, change its result, or return another result in its
    place. To change arguments or to ask a person, use `Agent(approve=…)`: the arguments are
    decided before a call starts.

    Args:
        toolset: the tools; they may come and go.
        middleware: the wrapper; if there are several, the one that was added last is outermost.
        only: which tools to wrap; if left out, all.
    """
    contained = _contain(middleware)

    def wrap(tool: Tool) -> Tool:
        if only is not None and not only(tool):
            return tool
        return replace(tool, middleware=(contained, *tool.middleware))

    return mapped(toolset, wrap)


def _contain(middleware: ToolMiddleware) -> ToolMiddleware:
    """Return middleware whose own exceptions become an error result for the model."""

    async def contained(ready: ReadyCall, proceed: Proceed) -> ToolResult:
        inner_errors: list[Exception] = []

        async def call_next() -> ToolResult:
            try:
                return await proceed()
            except Exception as error:
                inner_errors.append(error)
                raise

        try:
            result: object = await middleware(ready, call_next)
        except Exception as error:  # noqa: BLE001 - user code; the model gets an error result
            if inner_errors:
                # A listener of the run failed, not the tool: failures of tools are results.
                raise inner_errors[0] from None
            failure = describe_failure(ready, error)
            return ToolResult(ready.call.id, failure.text, is_error=True)
        if not isinstance(result, ToolResult):
            raise wrong_return(middleware, result, role="tool middleware", expected="a ToolResult")
        return result

    return contained
