"""Repair results that do not fit the protocol, as far as they can be read.

In:  the result of a request, as JSON; the method and the revision of the protocol.
Out: a result that the SDK accepts, without the parts that it would reject; each is reported.

The SDK rejects a result as a whole: one tool with a bad icon would cost all tools of the server,
and one content block of an unknown type the result of a call that had its effect.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import mcp_types as types
from mcp.shared.inbound import find_invalid_x_mcp_header
from mcp_types import methods
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from agentkit.json_schema.validator import shorten
from agentkit.mcp.client.repair.json_paths import Path, existing, place, without
from agentkit.mcp.client.repair.schemas import normalize_input_schema, normalize_schema

MAX_ROUNDS = 8
"""A removal can show a further error one level up; no result of the protocol is nested deeper."""

_MAX_REPORTS = 20
Report = Callable[[str], None]

_BLOCKS = {"tools/call": "content", "resources/read": "contents", "prompts/get": "messages"}
_LISTS = {
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "tools/list": "tools",
}
_METHODS = frozenset({*_BLOCKS, *_LISTS, "initialize", "server/discover"})
_OPTIONAL = ("annotations", "_meta", "icons")
_DEFAULTS: dict[tuple[str, str], object] = {
    ("initialize", "capabilities"): {},
    ("initialize", "serverInfo"): {"name": "", "version": ""},
    ("tools/call", "content"): [],
}
_MODERN_DEFAULTS = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
"""Required since 2026-07-28; servers that were adapted by hand leave them out."""


def repair_result(
    method: str, version: str, result: dict[str, Any], *, report: Report
) -> dict[str, Any]:
    """Return the result without what cannot be read; unchanged if it is valid.

    Args:
        method: of the request.
        version: the revision of the protocol that the connection uses.
        result: as it came.
        report: called with one sentence for each repair.
    """
    if method not in _METHODS:
        return result
    if method == "tools/list":
        result = _repair_tools(result, version, report)
    elif method == "tools/call":
        result = _repair_content(_repair_structured(result, version, report), report)
    removed: list[tuple[str, str]] = []
    for _ in range(MAX_ROUNDS):
        try:
            _validate(method, version, result)
        except ValidationError as error:
            changed = _remove_errors(method, result, error, removed)
            if changed is None:
                break
            result = changed
        except (KeyError, ValueError):  # a method or revision that the SDK does not know
            break
        else:
            break
    _report_removed(method, removed, report)
    return result


def _validate(method: str, version: str, result: dict[str, Any]) -> None:
    """Validate a result as the SDK does.

    Raises:
        ValidationError: the SDK would reject it.
        KeyError: the SDK does not know the method.
    """
    methods.validate_server_result(method, version, result)
    if method == "tools/call" and not _is_input_required(result):
        # Since 2026-07-28 the first validation accepts any result with a `resultType`.
        types.CallToolResult.model_validate(result, by_name=False)


def _is_input_required(result: Mapping[str, Any]) -> bool:
    return result.get("resultType") == "input_required"


def _remove_errors(
    method: str, result: dict[str, Any], error: ValidationError, removed: list[tuple[str, str]]
) -> dict[str, Any] | None:
    """Return the result without the elements that an error names; None if nothing can be done."""
    reasons: dict[Path, str] = {}
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        path = _own_path(result, one["loc"])
        if path is None:
            continue
        found = existing(result, path)
        missing = str(path[0]) if not found and len(path) == 1 else ""
        default = _DEFAULTS.get((method, missing), _MODERN_DEFAULTS.get(missing))
        if default is not None:
            result = {**result, missing: default}
            reasons.setdefault((), "")
        elif found:
            reasons.setdefault(_containing_block(method, found), _reason(path, one["msg"]))
    for path in sorted(filter(None, reasons), key=place, reverse=True):
        removed.append((_describe(result, path), reasons[path]))
        result = _replace_block(method, result, path)
    return result if reasons else None


def _own_path(result: Mapping[str, Any], path: Path) -> Path | None:
    """Return the path within the result; None for an error of another form of the result.

    Where a result has several forms, the first step of the path is the name of the form.
    """
    is_form = isinstance(path[0], str) and path[0][:1].isupper() and path[0] not in result
    if not is_form:
        return path
    if ("InputRequired" in str(path[0])) is not _is_input_required(result):
        return None
    return path[1:] or None


def _containing_block(method: str, path: Path) -> Path:
    """Return the path of the content block that an element belongs to, if it does to one."""
    return path[:2] if method in _BLOCKS and path[0] == _BLOCKS[method] else path


def _replace_block(method: str, result: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the result without an element; a content block of a call leaves a note."""
    if method == "tools/call" and len(path) == 2 and path[0] == "content":
        block = result["content"][path[1]]
        if isinstance(block, dict) and not block.keys().isdisjoint(_OPTIONAL):
            kept = {key: one for key, one in block.items() if key not in _OPTIONAL}
            return _with_block(result, int(path[1]), kept)  # perhaps that was all
        kind = block.get("type") if isinstance(block, dict) else None
        note = f"[A content block of type {shorten(str(kind), 50)!r} could not be read.]"
        if isinstance(block, str):
            note = block
        elif isinstance(block, dict) and isinstance(block.get("text"), str):
            note = block["text"]
        return _with_block(result, int(path[1]), {"type": "text", "text": note})
    changed: dict[str, Any] = without(result, path)
    return changed


def _with_block(result: dict[str, Any], at: int, block: dict[str, Any]) -> dict[str, Any]:
    blocks = list(result["content"])
    blocks[at] = block
    return {**result, "content": blocks}


def _repair_structured(result: dict[str, Any], version: str, report: Report) -> dict[str, Any]:
    """Return a result whose structured content is allowed: before 2026-07-28, only an object."""
    structured = result.get("structuredContent")
    if structured is None or isinstance(structured, dict) or version in MODERN_PROTOCOL_VERSIONS:
        return result
    report("The structured content of a result is not an object; it is given as text.")
    kept = {key: one for key, one in result.items() if key != "structuredContent"}
    if not kept.get("content"):
        text = json.dumps(structured, ensure_ascii=False)
        kept["content"] = [{"type": "text", "text": text}]
    return kept


def _repair_content(result: dict[str, Any], report: Report) -> dict[str, Any]:
    """Return a result whose content is a list; a single block or text is made one."""
    content = result.get("content")
    if not isinstance(content, str | dict):
        return result
    report("The content of a result is not a list of blocks; it is read as one block.")
    block = {"type": "text", "text": content} if isinstance(content, str) else content
    return {**result, "content": [block]}


def _repair_tools(result: dict[str, Any], version: str, report: Report) -> dict[str, Any]:
    """Return a tool list with normal schemas."""
    listed = result.get("tools")
    if not isinstance(listed, list):
        return result
    tools = [_repair_tool(one, version, report) if isinstance(one, dict) else one for one in listed]
    return {**result, "tools": [one for one in tools if one is not None]}


def _repair_tool(tool: dict[str, Any], version: str, report: Report) -> dict[str, Any] | None:
    name = shorten(repr(tool.get("name")), 100)
    given = tool.get("inputSchema")
    fixed = {**tool, "inputSchema": normalize_input_schema(given)}
    if fixed["inputSchema"].get("type") != "object":
        report(f"A tool is left out: the input schema of {name} is not one of an object.")
        return None
    if not isinstance(given, dict):
        report(f"Its tool {name} has no input schema; it is offered without parameters.")
    output = tool.get("outputSchema")
    if isinstance(output, dict):
        output = fixed["outputSchema"] = normalize_schema(output)
    is_modern = version in MODERN_PROTOCOL_VERSIONS
    if output is not None and (
        not isinstance(output, dict) or not (is_modern or output.get("type") == "object")
    ):
        # Before 2026-07-28 structured content is an object, and so is its schema.
        del fixed["outputSchema"]
        report(f"The output schema of its tool {name} is not one of an object, and is ignored.")
    reason = find_invalid_x_mcp_header(fixed["inputSchema"]) if is_modern else None
    if reason is not None:  # the SDK leaves it out, as 2026-07-28 requires
        report(f"A tool is left out: {name} has an invalid 'x-mcp-header': {reason}.")
    return fixed


def _reason(path: Path, message: str) -> str:
    return f"{'.'.join(map(str, path))}: {message}"


def _describe(result: Mapping[str, Any], path: Path) -> str:
    """Name what is removed: an entry of a list by its own name, else by its path."""
    entries = result.get(str(path[0]))
    if len(path) > 1 and isinstance(entries, list) and isinstance(path[1], int):
        entry = entries[path[1]]
        name = entry.get("name", entry.get("uri")) if isinstance(entry, dict) else None
        if isinstance(name, str):
            of = f" of {shorten(name, 100)!r}"
            return f"{'.'.join(map(str, path[2:]))}{of}" if path[2:] else f"{shorten(name, 100)!r}"
    return ".".join(map(str, path))


def _report_removed(method: str, removed: list[tuple[str, str]], report: Report) -> None:
    for what, reason in removed[:_MAX_REPORTS]:
        report(f"Left out, since it violates the protocol: {what} ({shorten(reason, 300)}).")
    if len(removed) > _MAX_REPORTS:
        report(f"{len(removed) - _MAX_REPORTS} more parts of a result of {method} are left out.")
