"""Return values as results: text, blocks, JSON, and values that are none of these."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from agentkit.content import (
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)
from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.result_content import build_result, cut_result
from agentkit.tools.schema import Output, derive_output
from agentkit.tools.tool import Tool, tool
from agentkit.tools.validate import ReadyCall, validate_call

LINK = ResourceLink(uri="file:///a", name="a")
PNG = b"\x89PNG\r\n\x1a\n0000"


class City(BaseModel):
    """A model."""

    name: str
    founded: datetime | None = None


@dataclass
class Pair:
    """A dataclass."""

    a: int
    b: Any = None


class SilentError(Exception):
    """Has no words."""

    def __str__(self) -> str:
        raise RuntimeError


def call_of(function: Callable[..., object]) -> ReadyCall:
    """Return a ready call of a tool made of `function`."""
    made = tool(function)
    found = validate_call(ToolCall(id="c1", name=made.name), {made.name: made})
    assert isinstance(found, ReadyCall)
    return found


@dataclass
class Sum:
    """What a program reads of a result."""

    total: int


@pytest.mark.parametrize(("total", "is_error"), [(3, False), ("three", True)])
def test_a_result_has_a_text_for_the_model_and_a_value_for_programs(
    total: JsonValue, *, is_error: bool
) -> None:
    """The annotation gives the schema of the value, and the value must fit it."""

    def add() -> Annotated[ToolResult, Sum]:
        return ToolResult("", "It is three.", structured_content={"total": total})

    call = call_of(add)
    result = build_result(call, add())

    schema = call.tool.output_schema
    assert schema is not None
    assert schema["properties"] == {"total": {"type": "integer"}}
    assert result.is_error == is_error
    assert is_error or result == ToolResult("c1", "It is three.", structured_content={"total": 3})


@pytest.mark.parametrize("note", ["a note", 3])
def test_a_note_on_a_result_is_no_type_of_its_content(note: object) -> None:
    """Then the result has no schema."""
    assert derive_output(Annotated[ToolResult, note]) == Output()


def result_of(value: object, hint: Any = Any) -> ToolResult:
    """Return the result for a value of a tool with a return type."""

    def function() -> Any: ...

    function.__annotations__["return"] = hint
    return build_result(call_of(function), value)


def text(*texts: str) -> tuple[TextContent, ...]:
    """Return text blocks."""
    return tuple(TextContent(one) for one in texts)


@pytest.mark.parametrize(
    ("value", "hint", "content", "structured"),
    [
        ("hi", str, text("hi"), None),
        ("hi", Any, text("hi"), None),
        ("", str, (), None),
        (None, None, text("null"), None),
        (None, Any, text("null"), None),
        (21.5, float, text("21.5"), {"result": 21.5}),
        (21.5, Any, text("21.5"), None),
        ([1, "ü"], list[int | str], text('[1, "ü"]'), {"result": [1, "ü"]}),
        ("hi", str | int, text("hi"), {"result": "hi"}),
        (None, int | None, text("null"), {"result": None}),
        ({"a": 1}, Any, text('{"a": 1}'), {"a": 1}),
        ({"a": 1}, dict[str, int], text('{"a": 1}'), {"a": 1}),
        (City(name="a"), City, text('{"name": "a", "founded": null}'),
         {"name": "a", "founded": None}),
        (City(name="a", founded=datetime(2024, 5, 31, tzinfo=UTC)), Any,
         text('{"name": "a", "founded": "2024-05-31T00:00:00Z"}'),
         {"name": "a", "founded": "2024-05-31T00:00:00Z"}),
        (Pair(a=1, b={2}), Pair, text('{"a": 1, "b": [2]}'), {"a": 1, "b": [2]}),
        ([Pair(a=1)], list[Pair], text('[{"a": 1, "b": null}]'),
         {"result": [{"a": 1, "b": None}]}),
        (Decimal("0.10"), Decimal, text("0.10"), {"result": "0.10"}),
        (Path("a"), Any, text("a"), None),
        (LINK, Any, (LINK,), None),
        ([LINK, "x", 5, PNG], Any,
         (LINK, *text("x", "5"), ImageContent(data="iVBORw0KGgowMDAw", mime_type="image/png")),
         None),
        ((b"ab",), Any, (EmbeddedResource(uri="agentkit:result/c1", blob="YWI=",
         mime_type="application/octet-stream"),), None),
        (bytearray(b"\xff\xd8\xff"), bytes,
         (ImageContent(data="/9j/", mime_type="image/jpeg"),), None),
        (b"GIF89a", bytes, (ImageContent(data="R0lGODlh", mime_type="image/gif"),), None),
        (b"RIFF0000WEBP", bytes,
         (ImageContent(data="UklGRjAwMDBXRUJQ", mime_type="image/webp"),), None),
        ([], Any, text("[]"), None),
    ],
)  # fmt: skip
def test_a_value_becomes_content(
    value: object, hint: Any, content: object, structured: object
) -> None:
    """Text as it is, values as JSON; an object, or a typed value, structured as well."""
    assert result_of(value, hint) == ToolResult(
        call_id="c1",
        content=content,  # type: ignore[arg-type]  # of the parameters above
        structured_content=structured,  # type: ignore[arg-type]  # of the parameters above
    )


def test_a_tool_result_is_used_as_it_is() -> None:
    """A tool that calls another one returns its result, errors too."""
    given = ToolResult(
        call_id="other", content=text("no"), structured_content={"a": 1}, is_error=True
    )

    assert result_of(given) == ToolResult(
        call_id="c1", content=text("no"), structured_content={"a": 1}, is_error=True
    )


LOOP: list[object] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "hint", "complaint"),
    [
        (math.nan, Any, "its 'float' has no JSON form"),
        ([math.inf], list[float], "its 'list' has no JSON form"),
        (object(), Any, "its 'object' has no JSON form"),
        (LOOP, Any, "its 'list' has no JSON form"),
        ([PNG, object()], Any, "its 'list' has no JSON form"),
        ("5", int, "output schema: result: expected an integer, got the text"),
        ({"nam": "a"}, City, "output schema: name: expected a value, since it is required"),
        (5, City, "output schema: expected an object, got the number 5"),
    ],
)
def test_a_value_that_cannot_be_encoded_is_the_fault_of_the_tool(
    value: object, hint: Any, complaint: str
) -> None:
    """The model must not try other arguments, nor call it twice."""
    result = result_of(value, hint)

    assert result.is_error
    assert complaint in result.text
    assert result.text.startswith("The tool 'function' ran, but its result cannot be used")
    assert result.text.endswith("do not repeat the call.")


def test_an_error_without_a_message_is_survived() -> None:
    """Values of users run code of users."""

    def refuse(_: object) -> type:
        raise SilentError

    refusing = type("Refusing", (), {"__class__": property(refuse)})()

    def function() -> Any: ...

    assert "its 'Refusing' has no JSON form: SilentError" in (
        build_result(call_of(function), refusing).text
    )


def test_the_output_schema_of_a_handler_is_checked() -> None:
    """A tool from a schema must return what it declared."""

    def handle(arguments: dict[str, Any]) -> Any:
        return arguments

    made = Tool.from_schema(
        name="t",
        description="",
        input_schema={},
        handler=handle,
        output_schema={"type": "object", "required": ["a"]},
    )
    call = validate_call(ToolCall(id="c1", name="t"), {"t": made})
    assert isinstance(call, ReadyCall)

    assert build_result(call, {"a": 1}).structured_content == {"a": 1}
    assert "a: expected a value" in build_result(call, {}).text
    assert "expected an object" in build_result(call, "text").text
    assert "expected an object" in build_result(call, ToolResult("", "text")).text
    assert build_result(call, ToolResult("", "no", is_error=True)).text == "no"
    complete = ToolResult(call_id="", structured_content={"a": 1})
    assert build_result(call, complete) == ToolResult(call_id="c1", structured_content={"a": 1})


def test_structured_content_may_be_any_json() -> None:
    """By MCP since 2026-07-28, the schema decides."""
    made = Tool.from_schema(
        name="t",
        description="",
        input_schema={},
        handler=lambda arguments: len(arguments),
        output_schema={"type": "integer"},
    )
    call = validate_call(ToolCall(id="c1", name="t"), {"t": made})
    assert isinstance(call, ReadyCall)

    assert build_result(call, 3) == ToolResult(
        call_id="c1", content=(TextContent("3"),), structured_content=3
    )
    assert "expected an integer" in build_result(call, "3").text


def test_long_text_is_cut_with_a_note() -> None:
    """The limit counts for all blocks together; structured content stays complete."""
    result = result_of(["a" * 8, LINK, "b" * 8, "c", LINK])

    assert cut_result(result, max_characters=12).content == (
        TextContent("a" * 8),
        LINK,
        TextContent("bbbb\n[cut here: 12 of 17 characters are shown]"),
        LINK,
    )
    assert cut_result(result, max_characters=16).content == (
        TextContent("a" * 8),
        LINK,
        TextContent("b" * 8),
        TextContent("\n[cut here: 16 of 17 characters are shown]"),
        LINK,
    )
    assert cut_result(result, max_characters=17) is result
    complete = cut_result(result_of({"a": "x" * 100}), max_characters=10)
    assert complete.structured_content == {"a": "x" * 100}
    assert complete.text == '{"a": "xxx\n[cut here: 10 of 109 characters are shown]'


def test_lone_surrogates_are_replaced() -> None:
    """Odd file names hold them, and no request could carry them."""
    assert result_of("a\udcff", str).text == "a\ufffd"
    result = result_of(["ü\udcff", "é"], list[str])
    assert result.text == '["ü\ufffd", "é"]'
    assert result.structured_content == {"result": ["ü\ufffd", "é"]}
