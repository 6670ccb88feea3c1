"""Answer an MCP server's elicitation requests at the terminal.

In:  a form of plain fields, or a URL to open.
Out: the form's content, or a refusal.
"""

import json
from collections.abc import Mapping
from typing import Any

from agentkit.cli.approval_prompt import AskLine
from agentkit.cli.terminal import note
from agentkit.json_schema import JsonSchema, JsonValue
from agentkit.mcp.client.server_requests import (
    ElicitationRequest,
    ElicitationResponse,
    OnElicitation,
)

_CANCELLED = ElicitationResponse(action="cancel")


def form_asker(ask: AskLine) -> OnElicitation:
    """Return a callback that asks field by field; the end of input cancels."""

    async def answer(question: ElicitationRequest) -> ElicitationResponse:
        note(f"? {question.server} asks: {question.message}", style="yellow")
        if question.url is not None:
            note(f"  It asks you to open {question.url}")
        begin = await ask("  Answer it? [y/n] ", "")
        if begin is None:
            return _CANCELLED
        if begin.strip().lower() not in ("y", "yes"):
            return ElicitationResponse(action="decline")
        if question.schema is None:
            return ElicitationResponse(action="accept")
        return await _fill(question.schema, ask)

    return answer


async def _fill(schema: Mapping[str, JsonValue], ask: AskLine) -> ElicitationResponse:
    """Ask for each field until its value is valid."""
    fields: Any = schema.get("properties", {})
    required: Any = schema.get("required", ())
    content: dict[str, JsonValue] = {}
    for name, field in fields.items():
        given = await _ask_field(name, field, required=name in required, ask=ask)
        if given is None:
            return _CANCELLED
        content.update(given)
    return ElicitationResponse(action="accept", content=content)


async def _ask_field(
    name: str, field: Mapping[str, Any], *, required: bool, ask: AskLine
) -> Mapping[str, JsonValue] | None:
    """Return the field and its value, empty if left out; None at the end of input."""
    check = JsonSchema(field)
    title = field.get("title") or name
    about = field.get("description") or _choices(field)
    default = field.get("default")
    while True:
        shown = "" if default is None else _format_default(default)
        line = await ask(f"  {title}{f' ({about})' if about else ''}: ", shown)
        if line is None:
            return None
        if not line.strip() and not required:
            return {}
        value = _read(line.strip(), field)
        faults = check.violations(value)
        if not faults:
            return {name: value}
        note(f"  {faults[0]}", style="red")


def _choices(field: Mapping[str, Any]) -> str:
    return ", ".join(map(str, field.get("enum") or ()))


def _read(text: str, field: Mapping[str, Any]) -> JsonValue:
    """Parse input by the field's type; input that does not parse is left for the validation."""
    if field.get("type", "string") == "string":
        return text
    words = {"y": True, "yes": True, "n": False, "no": False}
    if field.get("type") == "boolean" and text.lower() in words:
        return words[text.lower()]
    if field.get("type") == "array" and not text.startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def _format_default(default: object) -> str:
    return default if isinstance(default, str) else json.dumps(default)
