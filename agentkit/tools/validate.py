"""Turn the calls a model asked for into calls that are safe to run.

In:  `ToolCall`s: names and JSON text, untrusted.
Out: one `ReadyCall` or one error `ToolResult` per call.

Nothing here runs a tool or waits. A bad call is a value, never an exception, and its result tells
the model what to change. A call that is right as it came is taken so; only another one is repaired,
where that guesses nothing, and says what was done in `ReadyCall.repairs`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from agentkit.chat import Repair
from agentkit.dialect.argument_repair import repair_arguments
from agentkit.dialect.tool_names import unwrap_name
from agentkit.json_schema import (
    JsonObject,
    JsonTextError,
    JsonValue,
    Violation,
    describe,
    parse_json,
)
from agentkit.json_schema.violation import shorten
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.binding import BoundArguments
from agentkit.tools.tool import Tool
from agentkit.value import dataclass, maker, replace

MAX_NAMES = 50
MAX_FAULTS = 8
MAX_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyCall:
    """A call that may run.

    Attributes:
        arguments: the JSON values as they will be used; they fit the tool's schema.
        bound: the same as Python values.
        repairs: what was changed about the arguments before they fitted.
        idempotency_key: stable over restarts; if None, the call's id is used.
        note: what the model must know of the call, put before its result.
    """

    call: ToolCall
    tool: Tool
    arguments: JsonObject
    bound: BoundArguments
    repairs: tuple[Repair, ...] = ()
    idempotency_key: str | None = None
    note: str | None = None


_ready_call = maker(ReadyCall)


def validate_call(call: ToolCall, tools: Mapping[str, Tool]) -> ReadyCall | ToolResult:
    """Check one call against the tools on offer; never raises, whatever the text."""
    tool = tools.get(call.name)
    if tool is not None:
        return _check(call, tool)
    name = unwrap_name(call.name, tools.keys())
    if name is not None:
        checked = _check(call, tools[name])
        if isinstance(checked, ReadyCall):
            renamed = Repair(
                kind="repaired_name", before=shorten(call.name), after=name, call_id=call.id
            )
            return replace(checked, repairs=(renamed, *checked.repairs))
    return _refuse(call, _unknown(call.name, tools))


def _check(call: ToolCall, tool: Tool) -> ReadyCall | ToolResult:
    """Check the arguments as they came, and repaired where they do not fit."""
    try:
        arguments = parse_arguments(call.arguments)
    except JsonTextError as error:
        checked: ReadyCall | ToolResult = _refuse(
            call,
            f"The call of {tool.name!r} was not run. Its arguments must be one JSON object: "
            f"{error}. Send the call again with the arguments written as valid JSON.",
        )
    else:
        checked = check_arguments(call, tool, arguments)
    return _repair(call, tool) or checked if isinstance(checked, ToolResult) else checked


def _repair(call: ToolCall, tool: Tool) -> ReadyCall | None:
    """Return the call with repaired arguments that fit, if there are such."""

    def is_valid(value: JsonValue) -> bool:
        return isinstance(value, dict) and isinstance(check_arguments(call, tool, value), ReadyCall)

    repaired = repair_arguments(call.arguments, schema=tool.input_schema, is_valid=is_valid)
    if repaired is None:
        return None
    repairs = tuple(replace(repair, call_id=call.id) for repair in repaired.repairs)
    checked = check_arguments(call, tool, repaired.value, repairs=repairs)
    return checked if isinstance(checked, ReadyCall) else None


def parse_arguments(text: str) -> JsonObject:
    """Read the arguments of a call; empty text means none.

    Raises:
        JsonTextError: it is not one strict JSON object within bounds.
    """
    if not text.strip():
        return {}
    value = parse_json(text)
    if not isinstance(value, dict):
        raise JsonTextError(f"what came is {describe(value)}")
    return value


def check_arguments(
    call: ToolCall, tool: Tool, arguments: JsonObject, *, repairs: tuple[Repair, ...] = ()
) -> ReadyCall | ToolResult:
    """Check arguments against the tool's schema, and turn them into Python values."""
    violations = tool.arguments_check.violations(arguments, limit=MAX_FAULTS)
    if violations:
        return _refuse(call, _misfit(tool, violations))
    try:
        bound = tool.binding.bind(arguments)
    except Exception as error:  # noqa: BLE001  # a user's types run a user's code
        return _refuse(call, _misfit(tool, read_faults(error)))
    return _ready_call(call=call, tool=tool, arguments=arguments, bound=bound, repairs=repairs)


def _refuse(call: ToolCall, text: str) -> ToolResult:
    return ToolResult.of(call.id, text, is_error=True)


def _unknown(name: str, tools: Mapping[str, Tool]) -> str:
    if not tools:
        return f"There is no tool {shorten(name)!r}: no tools are on offer. Answer in words."
    names = ", ".join(list(tools)[:MAX_NAMES])
    rest = f" and {len(tools) - MAX_NAMES} more" if len(tools) > MAX_NAMES else ""
    return (
        f"There is no tool {shorten(name)!r}. The tools are: {names}{rest}. "
        "Call one of these, or answer without a tool."
    )


def _misfit(tool: Tool, faults: Iterable[object]) -> str:
    """Name each fault; the shortest fix is to change what is named."""
    lines = "\n".join(f"- {fault}" for fault in faults)
    return (
        f"The call of {tool.name!r} was not run. Its arguments do not fit:\n{lines}\n"
        "Send the call again with these changed and the rest as it was."
    )


def read_faults(error: Exception) -> list[str]:
    """Read what only Python's types can see, such as the 30th of February; one text for each."""
    try:
        if isinstance(error, ValidationError):
            found = error.errors(include_url=False, include_context=False)
            return [_fault(one["loc"], one["msg"], one["input"]) for one in found[:MAX_FAULTS]]
        return [f"{type(error).__name__}: {shorten(str(error), MAX_REASON)}"]
    except Exception:  # noqa: BLE001  # a stranger's `__str__` or `__repr__`
        return [type(error).__name__]


def _fault(path: tuple[str | int, ...], message: str, value: Any) -> str:
    reason = shorten(message, MAX_REASON).replace("Input should be ", "expected ")
    violation = Violation(path=path, expected=reason, found=describe(value))
    return f"{violation.place}: {reason}, got {violation.found}"
