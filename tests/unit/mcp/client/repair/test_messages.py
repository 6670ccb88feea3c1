"""Reading messages that are not quite JSON-RPC."""

import json
from typing import Any

import mcp_types as types
import pytest

from agentkit.mcp.client.repair.messages import WaitingRequests, error_for, parse_messages


def waiting(*ids: types.RequestId) -> tuple[WaitingRequests, list[str]]:
    """Return waiting calls of a tool with these ids, and what is reported."""
    reports: list[str] = []
    requests = WaitingRequests(reports.append)
    for one in ids:
        requests.add(types.JSONRPCRequest(jsonrpc="2.0", id=one, method="tools/call"))
    return requests, reports


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"jsonrpc": "2.0", "id": 5, "result": {"a": 1}}', {"a": 1}),
        ('{"id": 5, "result": {"a": 1}}', {"a": 1}),
        ('{"jsonrpc": "1.0", "id": 5.0, "result": {"a": 1}, "error": null}', {"a": 1}),
        ('[{"jsonrpc": "2.0", "id": 5, "result": {"a": 1}}]', {"a": 1}),
        ('{"jsonrpc": "2.0", "id": 5, "result": {"a": "\\ud83d"}}', {"a": "\ufffd"}),
        (
            '{"jsonrpc": "2.0", "id": 5, "result": {"a": "\\ud83d\\ude00\\ude00"}}',
            {"a": "😀\ufffd"},
        ),
    ],
    ids=["valid", "no version", "number with a point", "batch", "half a pair", "one and a half"],
)
def test_a_readable_answer_is_repaired(text: str, expected: dict[str, Any]) -> None:
    """It reaches its request."""
    requests, _ = waiting(5)

    (message,) = parse_messages(text.encode(), requests)

    assert isinstance(message, types.JSONRPCResponse)
    assert (message.id, message.result) == (5, expected)
    message.model_dump_json()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('{"id": 5, "error": "out of paper"}', -32603, "out of paper"),
        ('{"id": 5, "error": {"message": "no"}}', -32603, "no"),
        ('{"id": 5, "error": {"code": "E7", "why": 1}}', -32603, '{"code": "E7", "why": 1}'),
        ('{"id": 5, "error": {"code": 7, "message": "no"}, "result": 1}', 7, "no"),
        ('{"jsonrpc": "2.0", "id": 5, "result": null}', -32603, "its result is NoneType"),
        ('{"jsonrpc": "2.0", "id": 5}', -32603, "its result is missing"),
        ('{"jsonrpc": "2.0", "id": 5, "result": {"a": ', -32603, "is not valid JSON"),
        ('{"id": "5", "result": [' + "[" * 100_000, -32603, "is n"),
    ],
    ids=["text", "no code", "code", "both", "null", "neither", "cut", "deep"],
)
def test_an_unreadable_answer_ends_its_request_at_once(text: str, code: int, words: str) -> None:
    """With an error, and not with its timeout."""
    requests, _ = waiting(5)

    (message,) = parse_messages(text.encode(), requests)

    assert isinstance(message, types.JSONRPCError)
    assert str(message.id) == "5"
    assert message.error.code == code
    assert words in message.error.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Listening on stdin",
        '{"level": "info", "msg": "started"}',
        '{"id": 6, "result": {"a": ',
        'Received {"jsonrpc": "2.0", "id": 5, "method": "tools/call"',
        '{"id": 5, "method": "tools/call", "result": {"a": ',
        "[1, 2]",
        "\xff",
    ],
)
def test_a_line_of_a_log_ends_no_request(text: str) -> None:
    """Even if it holds the id of one."""
    requests, reports = waiting(5)

    assert parse_messages(text.encode("latin-1"), requests) == []
    assert reports == []


def test_requests_and_notifications_without_a_version_are_read() -> None:
    """Which is reported once for the connection."""
    requests, reports = waiting()
    messages = [{"method": "ping", "id": "a"}, {"method": "notifications/message", "params": {}}]

    first, second = parse_messages(json.dumps(messages).encode(), requests)

    assert isinstance(first, types.JSONRPCRequest)
    assert isinstance(second, types.JSONRPCNotification)
    assert reports == ["Its messages are not valid JSON-RPC; they are repaired where possible."]


def test_the_id_of_a_long_answer_is_searched_at_both_ends() -> None:
    """It names the request that waits, whatever other ids it holds."""
    requests, reports = waiting(5, "x")
    head, tail = '{"id": 9, "id": "x"', '"id": 8, "id": 7}'

    (message,) = error_for(head, tail, fault="exceeds 16 MB", waiting=requests)

    assert isinstance(message, types.JSONRPCError)
    assert message.id == "x"
    assert reports == ["An answer was dropped: it exceeds 16 MB."]
    assert error_for("{}", "{}", fault="exceeds 16 MB", waiting=requests) == []


def test_waiting_requests_are_bounded() -> None:
    """Requests that were cancelled are never answered."""
    requests, _ = waiting(*range(10_001))

    assert requests.find(0) is None
    assert requests.take(10_000) == "tools/call"
    assert requests.take(10_000) == ""


def test_the_revision_is_read_from_requests() -> None:
    """Since 2026-07-28 each one names it."""
    requests, _ = waiting()
    meta = {types.PROTOCOL_VERSION_META_KEY: "2026-07-28"}

    requests.add(
        types.JSONRPCRequest(jsonrpc="2.0", id=1, method="tools/list", params={"_meta": meta})
    )

    assert requests.version == "2026-07-28"
