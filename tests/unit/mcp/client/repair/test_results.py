"""Repairing results."""

from typing import Any

import pytest

from agentkit.mcp.client.repair.results import repair_result

LEGACY, MODERN = "2025-11-25", "2026-07-28"
TEXT = {"type": "text", "text": "paid 10"}
OBJECT = {"type": "object"}
COMPLETE = {"resultType": "complete"}
CACHED = {**COMPLETE, "ttlMs": 0, "cacheScope": "private"}


def repaired(
    method: str, result: dict[str, Any], *, version: str = LEGACY
) -> tuple[dict[str, Any], list[str]]:
    """Return the repaired result, and what is reported."""
    reports: list[str] = []
    return repair_result(method, version, result, report=reports.append), reports


def note(kind: str) -> dict[str, Any]:
    """Return what stands for a block that cannot be read."""
    return {"type": "text", "text": f"[A content block of type {kind!r} could not be read.]"}


@pytest.mark.parametrize("version", [LEGACY, MODERN])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([TEXT], [TEXT]),
        ([{"type": "widget", "id": 1}, TEXT], [note("widget"), TEXT]),
        ([TEXT, {"type": "image", "data": "aGk="}], [TEXT, note("image")]),
        ([TEXT, 7], [TEXT, note("None")]),
        (["paid 10"], [TEXT]),
        ("paid 10", [TEXT]),
        (TEXT, [TEXT]),
        ([{**TEXT, "annotations": "x"}], [TEXT]),
        (None, []),
    ],
    ids=[
        "valid",
        "unknown type",
        "missing field",
        "number",
        "text in the list",
        "text",
        "block",
        "annotations",
        "null",
    ],
)
def test_a_result_is_read_block_by_block(content: object, expected: object, version: str) -> None:
    """A success stays a success, and what is readable is kept."""
    result = {"content": content, "structuredContent": {"n": 1}, **COMPLETE}

    fixed, reports = repaired("tools/call", result, version=version)

    assert fixed == {"content": expected, "structuredContent": {"n": 1}, **COMPLETE}
    assert (reports == []) == (content == expected)


def test_structured_content_needs_no_content() -> None:
    """The model reads its JSON."""
    assert repaired("tools/call", {"structuredContent": {"a": 1}})[0] == {
        "structuredContent": {"a": 1},
        "content": [],
    }


@pytest.mark.parametrize(
    ("content", "expected"), [([TEXT], [TEXT]), ([], [{"type": "text", "text": "[10]"}])]
)
def test_structured_content_that_is_not_an_object_becomes_text(
    content: list[Any], expected: list[Any]
) -> None:
    """Before 2026-07-28 it is not allowed; other content is preferred."""
    result = {"content": content, "structuredContent": [10]}

    assert repaired("tools/call", result)[0] == {"content": expected}
    modern = {**result, **COMPLETE}
    assert repaired("tools/call", modern, version=MODERN) == (modern, [])


def test_a_request_for_input_is_no_result_of_a_call() -> None:
    """It has no content, and needs none."""
    result = {
        "resultType": "input_required",
        "inputRequests": {"a": {"method": "roots/list"}},
        "requestState": "s",
    }

    assert repaired("tools/call", result, version=MODERN) == (result, [])


@pytest.mark.parametrize("version", [LEGACY, MODERN])
def test_one_bad_tool_costs_that_tool(version: str) -> None:
    """Or less: only its icon, its hints, its output schema."""
    tools = [
        {"name": "good", "inputSchema": OBJECT},
        {"name": "icon", "inputSchema": OBJECT, "icons": [{"url": "x"}, {"src": "x:y"}]},
        {"name": "hints", "inputSchema": OBJECT, "annotations": "x"},
        {"name": "none", "inputSchema": None},
        {"name": "text", "inputSchema": {"type": "string"}},
        {"inputSchema": OBJECT},
        {"name": 7, "inputSchema": OBJECT},
        "tool",
        {"name": "out", "inputSchema": OBJECT, "outputSchema": "x"},
    ]

    fixed, reports = repaired("tools/list", {"tools": tools}, version=version)

    assert fixed == {
        "tools": [
            {"name": "good", "inputSchema": OBJECT},
            {"name": "icon", "inputSchema": OBJECT, "icons": [{"src": "x:y"}]},
            {"name": "hints", "inputSchema": OBJECT},
            {"name": "none", "inputSchema": {"type": "object", "properties": {}}},
            {"name": "out", "inputSchema": OBJECT},
        ],
        **(CACHED if version == MODERN else {}),
    }
    reported = "\n".join(reports)
    for what in ("icons.0 of 'icon'", "annotations of 'hints'", "'none'", "'text'", "'out'"):
        assert what in reported


def test_an_output_schema_may_be_of_any_type_since_2026_07_28() -> None:
    """Before, it must be one of an object."""
    tools = [{"name": "a", "inputSchema": OBJECT, "outputSchema": {"type": "array"}}]

    assert repaired("tools/list", {"tools": tools, **CACHED}, version=MODERN)[0]["tools"] == tools
    legacy, reports = repaired("tools/list", {"tools": tools})
    assert legacy == {"tools": [{"name": "a", "inputSchema": OBJECT}]}
    assert "is not one of an object" in reports[0]


def test_a_tool_that_the_sdk_leaves_out_is_reported() -> None:
    """Revision 2026-07-28 requires that for headers that are not valid."""
    schema = {"type": "object", "properties": {"a": {"type": "object", "x-mcp-header": "A b"}}}

    _, reports = repaired(
        "tools/list", {"tools": [{"name": "a", "inputSchema": schema}], **CACHED}, version=MODERN
    )

    assert "has an invalid 'x-mcp-header'" in reports[0]


@pytest.mark.parametrize(
    ("method", "result", "expected"),
    [
        (
            "initialize",
            {"protocolVersion": LEGACY},
            {
                "protocolVersion": LEGACY,
                "capabilities": {},
                "serverInfo": {"name": "", "version": ""},
            },
        ),
        (
            "resources/list",
            {"resources": [{"uri": "a:b"}, {"uri": "a:c", "name": "c"}], "nextCursor": 5},
            {"resources": [{"uri": "a:c", "name": "c"}]},
        ),
        (
            "resources/read",
            {"contents": [{"uri": "a:b"}, {"uri": "a:c", "text": "x"}]},
            {"contents": [{"uri": "a:c", "text": "x"}]},
        ),
        (
            "prompts/get",
            {"messages": [{"role": "system", "content": TEXT}, {"role": "user", "content": TEXT}]},
            {"messages": [{"role": "user", "content": TEXT}]},
        ),
        ("prompts/list", {"prompts": [{}, {"name": "p"}]}, {"prompts": [{"name": "p"}]}),
        ("tools/list", {"tools": None}, {}),
        ("ping", {"a": object}, {"a": object}),
    ],
)
def test_other_results_lose_only_what_cannot_be_read(
    method: str, result: dict[str, Any], expected: dict[str, Any]
) -> None:
    """A list that is none at all stays an error."""
    fixed, _ = repaired(method, result)

    assert fixed == expected


def test_reports_are_bounded() -> None:
    """A list of bad tools is reported in a few lines."""
    tools = [{"name": f"t{at}", "inputSchema": OBJECT, "icons": 7} for at in range(100)]

    _, reports = repaired("tools/list", {"tools": tools})

    assert len(reports) == 21
    assert reports[-1] == "80 more parts of a result of tools/list are left out."
