"""Read messages that are not quite JSON-RPC.

In:  the bytes of a message, the requests that wait for an answer.
Out: messages that the SDK accepts; an error for a waiting request whose answer cannot be read.

A message that is skipped would let its request wait until its timeout. Servers leave out `jsonrpc`,
send an error as text, answer in batches (allowed in 2025-03-26 only), write half of a surrogate
pair, or print their log into the stream.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import mcp_types as types
from mcp_types import JSONRPCMessage
from pydantic import ValidationError

from agentkit.json_schema.validator import shorten

DEFAULT_VERSION = "2025-11-25"
MAX_BATCH = 1_000
Report = Callable[[str], None]
ENDS = 2_000
"""Characters at either end of unreadable text in which the id of its request is searched."""

_MAX_WAITING = 10_000
_ID = re.compile(r'"id"\s*:\s*(\d{1,18}|"(?:[^"\\]|\\.){0,200}")')
_TOO_DEEP = "recursion limit exceeded"  # the message of pydantic's parser


class WaitingRequests:
    """The requests of one connection that were sent and not answered.

    Attributes:
        version: the revision of the protocol, as far as it is known.
        report: called with a sentence for each unreadable answer, and once for repaired messages.
    """

    def __init__(self, report: Report) -> None:
        self.version: str = DEFAULT_VERSION
        self.report = report
        self._has_repaired = False
        self._methods: dict[str, str] = {}

    def add(self, message: JSONRPCMessage) -> None:
        """Remember a message that is sent, if it is a request."""
        if not isinstance(message, types.JSONRPCRequest):
            return
        while len(self._methods) >= _MAX_WAITING:  # the oldest were cancelled long ago
            del self._methods[next(iter(self._methods))]
        self._methods[_key(message.id)] = message.method
        meta = (message.params or {}).get("_meta")
        version = meta.get(types.PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None
        if isinstance(version, str):
            self.version = version

    def take(self, request_id: types.RequestId | None) -> str:
        """Forget a request, and return its method; empty if it does not wait."""
        return self._methods.pop(_key(request_id), "")

    def report_repair(self) -> None:
        """Report the first repaired message of the connection."""
        if not self._has_repaired:
            self._has_repaired = True
            self.report("Its messages are not valid JSON-RPC; they are repaired where possible.")

    def find(self, value: object) -> types.RequestId | None:
        """Return the id of the waiting request that a value names; None if there is none."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | str):
            return None
        return value if _key(value) in self._methods else None


def _key(request_id: types.RequestId | None) -> str:
    """Return a key; the SDK takes the texts of numbers for the numbers too."""
    return str(request_id)


def parse_messages(data: bytes, waiting: WaitingRequests) -> list[JSONRPCMessage]:
    """Return the messages in `data`; none if it holds no message."""
    try:
        return [types.jsonrpc_message_adapter.validate_json(data, by_name=False)]
    except ValidationError as error:
        is_too_deep = _TOO_DEEP in str(error)
    text = data.decode(errors="replace")
    if is_too_deep:
        return error_for(text, text, fault="is nested too deeply", waiting=waiting)
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        if not _is_like_answer(text):
            return []
        return error_for(text, text, fault="is not valid JSON", waiting=waiting)
    values = value[:MAX_BATCH] if isinstance(value, list) else [value]
    return [
        message
        for one in values
        if isinstance(one, dict)
        for message in _repaired(_with_valid_text(one), waiting)
    ]


def error_for(
    head: str, tail: str, *, fault: str, waiting: WaitingRequests
) -> list[JSONRPCMessage]:
    """Return an error for the request that unreadable text answers; none if it names no id.

    Args:
        head: the beginning of the text.
        tail: its end, where most servers write the id.
        fault: what is wrong with it, e.g. "is nested too deeply".
        waiting: the requests that wait.
    """
    for part in (tail[-ENDS:], head[:ENDS]):
        for found in reversed(_ID.findall(part)):
            request_id = waiting.find(found.strip('"') if found[0] == '"' else int(found))
            if request_id is not None:
                return [_error(request_id, fault, waiting)]
    return []


def _repaired(value: dict[str, Any], waiting: WaitingRequests) -> Iterator[JSONRPCMessage]:
    """Yield a message as the SDK accepts it; an error in place of an unreadable answer."""
    request_id = waiting.find(value.get("id"))
    is_answer = "method" not in value
    fixed = {**value, "jsonrpc": "2.0"}
    if request_id is not None and is_answer:
        fixed["id"] = request_id
        error = value.get("error")
        if error is not None:
            fixed = {**fixed, "error": _error_object(error)}
            fixed.pop("result", None)
    try:
        message = types.jsonrpc_message_adapter.validate_python(fixed, by_name=False)
    except ValidationError:
        if request_id is not None and is_answer:
            result = type(value["result"]).__name__ if "result" in value else "missing"
            yield _error(request_id, f"is not valid JSON-RPC: its result is {result}", waiting)
    else:
        waiting.report_repair()
        yield message


def _error_object(error: object) -> dict[str, Any]:
    """Return an error as JSON-RPC has it: servers send texts, and codes of other types."""
    if not isinstance(error, dict):
        return {"code": types.INTERNAL_ERROR, "message": shorten(str(error), 1_000)}
    code, message = error.get("code"), error.get("message")
    return {
        **error,
        "code": code if isinstance(code, int) else types.INTERNAL_ERROR,
        "message": message if isinstance(message, str) else shorten(json.dumps(error), 1_000),
    }


def _is_like_answer(text: str) -> bool:
    """Return whether broken JSON was meant as an answer: not a line of a log, or a request."""
    is_object = text.lstrip()[:1] == "{"
    return is_object and '"method"' not in text and ('"result"' in text or '"error"' in text)


def _with_valid_text(value: dict[str, Any]) -> dict[str, Any]:
    """Return JSON with each half of a surrogate pair replaced, which UTF-8 cannot encode."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        fixed: dict[str, Any] = json.loads(text)
        return fixed
    return value


def _error(request_id: types.RequestId, fault: str, waiting: WaitingRequests) -> types.JSONRPCError:
    waiting.report(f"An answer was dropped: it {fault}.")
    error = types.ErrorData(code=types.INTERNAL_ERROR, message=f"the answer {fault}")
    return types.JSONRPCError(jsonrpc="2.0", id=request_id, error=error)
