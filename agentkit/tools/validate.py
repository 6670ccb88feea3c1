"""Turn the calls a model asked for into calls that are safe to run.

In:  `ToolCall`s: names and JSON text, untrusted.
Out: one `ReadyCall` or one error `ToolResult` per call.

Nothing here runs a tool or waits. A bad call is a value, never an exception, and its result tells
the model what to change. A valid call is never changed. An invalid one is repaired if only one
repair fits, and `ReadyCall.repairs` lists what was changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import Any

import anyio.to_thread
from pydantic import ValidationError

from agentkit import dialect
from agentkit.chat import Repair
from agentkit.dialect.tool_names import unwrap_name
from agentkit.json_schema import (
    JsonObject,
    JsonTextError,
    JsonValue,
    Violation,
    describe,
    parse_json,
)
from agentkit.json_schema.strict_json import MAX_CHARACTERS
from agentkit.json_schema.validator import shorten
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.tools.binding import BoundArguments
from agentkit.tools.tool import Tool
from agentkit.value import record

LARGE_CHARACTERS = 16_384
"""Arguments that take milliseconds to validate; longer ones could delay other tasks."""

MAX_NAMES = 50
MAX_FAULTS = 8
MAX_REASON = 300


@record
class ReadyCall:
    """A call that may run.

    Attributes:
        arguments: the JSON values as they will be used; they are valid against the tool's schema.
        bound: the same as Python values.
        repairs: what was changed to make the arguments valid.
        note: what the model must know about the call, put before its result.
    """

    call: ToolCall
    tool: Tool
    arguments: Mapping[str, Any]
    bound: BoundArguments
    repairs: tuple[Repair, ...] = ()
    note: str | None = None


async def validate_off_loop(
    call: ToolCall, tools: Mapping[str, Tool], *, deps: object = None
) -> ReadyCall | ToolResult:
    """Validate one call; large arguments in a worker thread, so that other tasks go on."""
    if len(call.arguments) <= LARGE_CHARACTERS:
        return validate_call(call, tools, deps=deps)
    return await anyio.to_thread.run_sync(partial(validate_call, call, tools, deps=deps))


def restore_names(
    message: AssistantMessage, offered: AbstractSet[str]
) -> tuple[AssistantMessage, tuple[Repair, ...]]:
    """Return a message whose calls have the names that were offered, and what was changed.

    Models put a namespace or markup around a name, such as `functions.get_weather`. In the next
    request it is the offered name again; otherwise the provider, which allows fewer characters,
    would be sent a third name, and the model would go on with that one.
    """
    calls: list[ToolCall] = []
    repairs: list[Repair] = []
    for call in message.tool_calls:
        name = unwrap_name(call.name, offered)
        if name is not None and name != call.name:
            before = shorten(call.name)
            repairs.append(Repair(kind="repaired_name", before=before, after=name, call_id=call.id))
            call = replace(call, name=name)
        calls.append(call)
    return (replace(message, tool_calls=tuple(calls)) if repairs else message), tuple(repairs)


def validate_call(
    call: ToolCall, tools: Mapping[str, Tool], *, deps: object = None
) -> ReadyCall | ToolResult:
    """Validate one call against the tools on offer; never raises, whatever the text.

    Args:
        call: the call as the model asked for it.
        tools: those on offer, by name.
        deps: the dependencies of the run; pydantic validators get them as `info.context`.
    """
    if call.rejection is not None:
        return _error_result(call, call.rejection)
    tool = tools.get(call.name)
    if tool is not None:
        return _check(call, tool, deps)
    # Models copy what prompt templates put around a name, e.g. `functions.get_weather`.
    name = unwrap_name(call.name, tools.keys())
    if name is not None:
        checked = _check(call, tools[name], deps)
        if isinstance(checked, ReadyCall):
            renamed = Repair(
                kind="repaired_name", before=shorten(call.name), after=name, call_id=call.id
            )
            return replace(checked, repairs=(renamed, *checked.repairs))
    return _error_result(call, _unknown_tool_message(call.name, tools))


def _check(call: ToolCall, tool: Tool, deps: object) -> ReadyCall | ToolResult:
    """Validate the arguments as they came; if they are invalid, try to repair them."""
    limit = tool.max_arguments_characters
    if len(call.arguments) > limit:
        return _error_result(
            call,
            f"The call of {tool.name!r} was not run. Its arguments have "
            f"{len(call.arguments):,} characters, and at most {limit:,} are accepted. Send less "
            "in one call.",
        )
    try:
        arguments = parse_arguments(call.arguments, max_characters=limit)
    except JsonTextError as error:
        checked: ReadyCall | ToolResult = _error_result(
            call,
            f"The call of {tool.name!r} was not run. Its arguments must be one JSON object: "
            f"{error}. Send the call again with the arguments written as valid JSON.",
        )
    else:
        text = call.arguments if arguments else ""  # which may be empty text
        checked = check_arguments(call, tool, arguments, text=text, deps=deps)
    return _repair(call, tool, deps) or checked if isinstance(checked, ToolResult) else checked


def _repair(call: ToolCall, tool: Tool, deps: object) -> ReadyCall | None:
    """Return the call with repaired arguments; None if no repair makes them valid."""
    valid: list[ReadyCall] = []

    def is_valid(value: JsonValue) -> bool:
        ready = check_arguments(call, tool, value, deps=deps) if isinstance(value, dict) else None
        if isinstance(ready, ReadyCall):
            valid.append(ready)
        return isinstance(ready, ReadyCall)

    # Most arguments fit as they are, so what repairs them is loaded for the first that do not.
    repaired = dialect.argument_repair.repair_arguments(
        call.arguments, schema=tool.input_schema, is_valid=is_valid
    )
    if repaired is None:
        return None
    repairs = tuple(replace(repair, call_id=call.id) for repair in repaired.repairs)
    # The value that was accepted last: validators of the user's types run once for it.
    return replace(valid[-1], repairs=repairs)


def parse_arguments(text: str, *, max_characters: int = MAX_CHARACTERS) -> JsonObject:
    """Parse the arguments of a call; empty text means no arguments.

    Raises:
        JsonTextError: the text is not one strict JSON object within the limits.
    """
    if not text.strip():
        return {}
    value = parse_json(text, max_characters=max_characters)
    if not isinstance(value, dict):
        raise JsonTextError(f"got {describe(value)}")
    return value


def check_arguments(
    call: ToolCall,
    tool: Tool,
    arguments: JsonObject,
    *,
    text: str = "",
    repairs: tuple[Repair, ...] = (),
    deps: object = None,
) -> ReadyCall | ToolResult:
    """Validate arguments against the tool's schema, and turn them into Python values.

    Args:
        call: the call.
        tool: the tool that is called.
        arguments: the JSON values.
        text: the strict JSON text of the arguments, if there is one.
        repairs: what was changed to make them valid.
        deps: the dependencies of the run.
    """
    violations = tool.arguments_check.violations(arguments, limit=MAX_FAULTS)
    if violations:
        return _error_result(call, _invalid_arguments_message(tool, violations))
    try:
        bound = tool.binding.bind(arguments, text=text, deps=deps)
    except Exception as error:  # noqa: BLE001  # the validators of a user's types are user code
        return _error_result(call, _invalid_arguments_message(tool, describe_faults(error)))
    return ReadyCall(call=call, tool=tool, arguments=arguments, bound=bound, repairs=repairs)


def with_answer_repairs(
    checked: ReadyCall | ToolResult, repairs: Sequence[Repair]
) -> ReadyCall | ToolResult:
    """Return a validated call with what was repaired of it while the answer was read."""
    if not repairs or isinstance(checked, ToolResult):
        return checked
    own = tuple(one for one in repairs if one.call_id == checked.call.id and one.changes_values)
    return replace(checked, repairs=(*own, *checked.repairs)) if own else checked


def _error_result(call: ToolCall, text: str) -> ToolResult:
    return ToolResult(call.id, text, is_error=True)


def _unknown_tool_message(name: str, tools: Mapping[str, Tool]) -> str:
    if not tools:
        return f"There is no tool {shorten(name)!r}: no tools are on offer. Answer without a tool."
    names = ", ".join(list(tools)[:MAX_NAMES])
    rest = f" and {len(tools) - MAX_NAMES} more" if len(tools) > MAX_NAMES else ""
    return (
        f"There is no tool {shorten(name)!r}. The tools are: {names}{rest}. "
        "Call one of these, or answer without a tool."
    )


def _invalid_arguments_message(tool: Tool, faults: Iterable[object]) -> str:
    """Return a message that names each fault: a model changes what is named, and little else."""
    lines = "\n".join(f"- {fault}" for fault in faults)
    return (
        f"The call of {tool.name!r} was not run. Its arguments do not fit:\n{lines}\n"
        "Send the call again with these changed and the rest as it was."
    )


def describe_faults(error: Exception) -> list[str]:
    """Return a line per fault that only Python's types find, such as the 30th of February."""
    try:
        if isinstance(error, ValidationError):
            found = error.errors(include_url=False, include_context=False)
            return [_fault(one["loc"], one["msg"], one["input"]) for one in found[:MAX_FAULTS]]
        return [f"{type(error).__name__}: {shorten(str(error), MAX_REASON)}"]
    except Exception:  # noqa: BLE001  # the `__str__` or `__repr__` of a user's class
        return [type(error).__name__]


def _fault(path: tuple[str | int, ...], message: str, value: Any) -> str:
    reason = shorten(message, MAX_REASON).replace("Input should be ", "expected ")
    violation = Violation(path=path, expected=reason, found=describe(value))
    return f"{violation.place}: {reason}, got {violation.found}"
