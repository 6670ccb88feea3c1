"""Call a tool from code as a function.

In:  a tool, positional and named arguments from code, untrusted.
Out: what the tool returns, as JSON or text; an exception for an error result.

The arguments are validated like those of any call.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import count

from agentkit import RunContext, Tool, ToolCall, ToolResult
from agentkit.clock import SystemClock
from agentkit.event import ignore
from agentkit.tools.execute import execute_calls
from agentkit.tools.run_context import link_of
from agentkit.tools.schema import RESULT_KEY
from agentkit.tools.tool_run import CallOptions
from agentkit.tools.validate import validate_call

_numbers = count(1)


async def call_tool(
    context: RunContext, tool: Tool, args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    """Validate the arguments, run the tool, and return its value.

    Raises:
        TypeError: there are too many positional arguments, or one has no JSON form.
        RuntimeError: the call was refused or failed; the message is the tool's own.
    """
    properties = tool.input_schema.get("properties")
    names = list(properties) if isinstance(properties, Mapping) else []
    if len(args) > len(names):
        raise TypeError(f"{tool.name}() takes {len(names)} arguments, {len(args)} were given")
    arguments = json.dumps({**dict(zip(names, args, strict=False)), **kwargs})
    call_id = f"{context.call_id}-{next(_numbers)}"
    call = ToolCall(id=call_id, name=tool.name, arguments=arguments)
    ready = validate_call(call, {tool.name: tool}, deps=context.deps)
    if isinstance(ready, ToolResult):
        raise RuntimeError(ready.text)  # noqa: TRY004  # the exception that code sees
    link = link_of(context)
    options = CallOptions(deps=context.deps, emit=ignore, clock=SystemClock(), link=lambda _: link)
    (result,) = await execute_calls([ready], options)
    if result.is_error:
        raise RuntimeError(result.text)
    structured = result.structured_content
    if tool.is_output_wrapped and isinstance(structured, Mapping):
        return structured[RESULT_KEY]
    return result.text if structured is None else structured
