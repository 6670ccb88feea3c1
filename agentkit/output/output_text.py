"""Read structured output from text.

In:  the text of an answer; the output type.
Out: a `ReadyCall` of the answering tool with the value and its repairs; or the reason why there is
     none.

The complete text is tried first, then a code fence in it, or a JSON object at its end. An object
among words may be an example or one that they deny. If two valid objects differ, none is accepted,
because it is unknown which one was meant.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.chat import Repair
from agentkit.dialect.argument_repair import RepairedArguments, read_arguments, repair_arguments
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.tool_call_assembler import short
from agentkit.json_schema import JsonObject, JsonTextError, JsonValue, parse_json
from agentkit.message import ToolCall
from agentkit.output.output_type import MAX_ANSWER_CHARACTERS, OutputType
from agentkit.tools.schema import RESULT_KEY
from agentkit.tools.validate import MAX_FAULTS, ReadyCall, check_arguments, describe_faults

_MAX_OBJECTS = 32
_EXCESS = " \t\r\n}])"  # models close more brackets than they opened
_FENCE = re.compile(r"```[\w-]*[ \t]*\r?\n(.*?)```", re.S)


def read_text(text: str, output: OutputType[Any], *, deps: object = None) -> ReadyCall | str:
    """Return the answer in `text`, or what is wrong with it, worded for the model.

    Args:
        text: the text of the answer.
        output: the output type.
        deps: the dependencies of the run; pydantic validators get them as `info.context`.
    """
    if len(text) > MAX_ANSWER_CHARACTERS:
        return f"it has {len(text):,} characters, and at most {MAX_ANSWER_CHARACTERS:,} are read"
    ready = _read_one(text, output, deps)
    # Text after an answer may be another answer, so it is searched.
    if ready is not None and all(one.kind != "trailing_text" for one in ready.repairs):
        return ready
    words = _words(text, output, deps)
    return words if words is not None else _object_in(text, output, deps)


def _object_in(text: str, output: OutputType[Any], deps: object) -> ReadyCall | str:
    """Return the answer that is an object in `text`, or what is wrong with it."""
    read = [(_read_one(part, output, deps), is_last) for part, is_last in _candidates(text)]
    found = [
        (one, is_last)
        for one, is_last in read
        if one is not None and _is_about(one.arguments, output)
    ]
    if not found:
        return _reason(text, output, deps)
    first = found[0][0]
    if any(other.arguments != first.arguments for other, _ in found):
        return "it holds several JSON objects that would fit; give only one"
    if not any(is_last for _, is_last in found):
        return "text follows the JSON object; give the object and nothing else"
    repair = Repair(
        kind="json_in_text", before=short(text), after=short(json.dumps(first.arguments))
    )
    return replace(first, repairs=(repair, *first.repairs))


def _words(text: str, output: OutputType[Any], deps: object) -> ReadyCall | None:
    """Return the text itself as the answer, if any text is a value of the type.

    An object that the text only mentions is not searched for: "There is no order {…}." Text that
    is JSON is not taken: it is another value of the type, with a mistake in it.
    """
    if not output.admits_text or text.lstrip()[:1] in ("", "{", "`"):
        return None
    call = ToolCall(id="answer", name=output.tool.name, arguments="")
    ready = check_arguments(call, output.tool, {RESULT_KEY: text}, deps=deps)
    return ready if isinstance(ready, ReadyCall) else None


def _read_one(text: str, output: OutputType[Any], deps: object) -> ReadyCall | None:
    """Return the answer that the complete text is; None if it is not one."""
    tool, call = output.tool, ToolCall(id="answer", name=output.tool.name, arguments=text)
    valid: list[tuple[JsonValue, ReadyCall]] = []

    def is_valid(value: JsonValue) -> bool:
        ready = check_arguments(call, tool, value, deps=deps) if isinstance(value, dict) else None
        if isinstance(ready, ReadyCall):
            valid.append((value, ready))
        return isinstance(ready, ReadyCall)

    repaired = None  # empty text would be read as a call without arguments
    if "{" in text:
        repaired = repair_arguments(text, schema=tool.input_schema, is_valid=is_valid)
    if repaired is None and output.is_wrapped:
        repaired = _unwrapped_value(text)
    if repaired is None:
        return None
    if valid and valid[-1][0] is repaired.value:
        return replace(valid[-1][1], repairs=repaired.repairs)  # its validators ran once
    ready = check_arguments(call, tool, repaired.value, repairs=repaired.repairs, deps=deps)
    return ready if isinstance(ready, ReadyCall) else None


def _unwrapped_value(text: str) -> RepairedArguments | None:
    """Return a value that lacks the wrapping object, wrapped."""
    fence = _FENCE.fullmatch(text.strip())
    try:
        value: JsonObject = {RESULT_KEY: parse_json(text if fence is None else fence.group(1))}
    except JsonTextError:
        return None
    repair = Repair(kind="unwrapped_value", before=short(text), after=short(json.dumps(value)))
    return RepairedArguments(value=value, repairs=(repair,))


def _is_about(arguments: Mapping[str, Any], output: OutputType[Any]) -> bool:
    """Return whether an object in a text has a property of the type.

    If the type requires no property, every object would be valid, even one that the text only
    mentions.
    """
    named = output.tool.input_schema.get("properties")
    return not isinstance(named, dict) or not named or not arguments.keys().isdisjoint(named)


def _candidates(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of `text` that may be an answer: code fences, otherwise every object.

    Yields:
        A part, and whether it is fenced or ends the text, so that it may be the answer.
    """
    fenced = [found.group(1) for found in _FENCE.finditer(text)]
    if fenced:
        yield from ((part, True) for part in fenced[:_MAX_OBJECTS])
        return
    start = text.find("{")
    for _ in range(_MAX_OBJECTS):
        if start < 0:
            return
        try:
            end = parse_lenient(text, start).end
        except LenientJsonError:
            end = start + 1
        else:
            yield text[start:end], not text[end:].strip(_EXCESS)
        start = text.find("{", end)


def _reason(text: str, output: OutputType[Any], deps: object) -> str:
    """Return the reason why the text has no valid answer."""
    pieces = [part for part, _ in _candidates(text)]
    read = read_arguments(pieces[0] if len(pieces) == 1 else text) if "{" in text else None
    if read is None:
        return "it is not one JSON object"
    faults: list[object] = [*output.tool.arguments_check.violations(read.value, limit=MAX_FAULTS)]
    if not faults:
        try:
            output.tool.binding.bind(read.value, deps=deps)
        except Exception as error:  # noqa: BLE001  # validators of the user's types may raise anything
            faults.extend(describe_faults(error))
    lines = "\n".join(f"- {fault}" for fault in faults)
    return f"it does not fit:\n{lines}"
