"""A stream gives the same answer however the network cuts it, and the same as a whole answer."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.chat import ModelRequest, ModelResponse, ToolSpec
from agentkit.config.profile import ReasoningStyle
from agentkit.dialect.argument_repair import object_text, read_arguments, repair_arguments
from agentkit.dialect.openai_chat.response import OpenAIChatDecoder
from agentkit.dialect.sse import SSEDecoder
from agentkit.errors import ProviderError
from agentkit.event import RunEvent, TextReceived, TextReclassified
from agentkit.history import History
from agentkit.json_schema import JsonObject, JsonSchema
from agentkit.message import ToolCall, UserMessage
from agentkit.model.response_builder import ResponseBuilder
from agentkit.wire import WireHead
from tests.property.strategies import argument_texts, json_objects, texts
from tests.unit.dialect.text_calls.readings import read as read_text

SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": "integer"}}}
TOOLS = tuple(ToolSpec(name=name, description="", input_schema=SCHEMA) for name in ("add", "now"))
REQUEST = ModelRequest(history=History((UserMessage("hi"),)), tools=TOOLS, stream=True)
HEAD = WireHead(status=200, headers={"content-type": "text/event-stream"})
MANY = settings(max_examples=150, deadline=None)

# Pieces of which texts are made that look like calls, nearly.
texts_with_calls = st.lists(
    st.sampled_from(
        [
            "[TOOL_CALLS]",
            "[TOOL_CALLS] ",
            "\\[TOOL\\_CALLS\\]",
            "<tool_call>",
            "</tool_call>",
            "<function=add>",
            "[ARGS]",
            "```json\n",
            "```",
            '{"name": "add", "arguments": {"a": 1}}',
            "[{'name': 'now'}]",
            'add{"a": 1}',
            "now{}",
            "<think>",
            "</think>",
            "[THINK]",
            "[/THINK]",
            "</s>",
            "<|im_end|>",
            "[TOOL_RESULTS]",
            "<|channel|>final<|message|>",
            "<|channel|>commentary to=functions.add<|message|>",
            "<|tool_call>call:add{a:1}<tool_call|>",
            "<tool_call>add<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>",
            "> ",
            "`",
            '"',
            "(",
            "now",
            "[",
            "]",
            "{",
            '{"name',
            " ",
            "\n",
            "Hi. ",
            "<",
            "\\",
            "é",
        ]
    ),
    max_size=8,
).map("".join)

calls = st.lists(
    st.tuples(st.sampled_from(["add", "now"]), json_objects.map(json.dumps)), max_size=3
)


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    """Return one chunk of a stream."""
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def stream_of(pieces: Sequence[str], wanted: Sequence[tuple[str, str]]) -> bytes:
    """Return the stream that says these pieces of text and makes these calls, letter by letter."""
    chunks = [chunk({"content": piece}) for piece in pieces]
    for index, (name, arguments) in enumerate(wanted):
        head = {"index": index, "id": f"call_{index}", "function": {"name": name}}
        chunks.append(chunk({"tool_calls": [head]}))
        chunks.extend(
            chunk({"tool_calls": [{"index": index, "function": {"arguments": letter}}]})
            for letter in arguments
        )
    chunks.append(chunk({}, "stop"))
    lines = [f"data: {json.dumps(one, ensure_ascii=False)}" for one in chunks]
    return "\r\n\r\n".join([": hi", *lines, "data: [DONE]", ""]).encode()


def show(events: Sequence[RunEvent], shown: list[str]) -> None:
    """Add the text of events to what is shown; text that was reclassified is not."""
    for event in events:
        if isinstance(event, TextReceived):
            shown.append(event.text)
        elif isinstance(event, TextReclassified):
            shown.clear()


def read(body: bytes, cuts: Sequence[int]) -> tuple[str, ModelResponse | str]:
    """Return what was shown of a body that was cut there, and the response or the error."""
    decoder, builder = OpenAIChatDecoder(HEAD), ResponseBuilder(REQUEST)
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    shown: list[str] = []
    try:
        for start, end in pairwise(edges):
            show(builder.feed(decoder.feed(body[start:end])), shown)
        show([*builder.feed(decoder.close()), *builder.close()], shown)
        return "".join(shown), builder.finish()
    except ProviderError as error:
        return "".join(shown), f"{error.kind}: {error}"


cut_places = st.lists(st.integers(0, 100_000), max_size=12)


@given(pieces=st.lists(texts | texts_with_calls, max_size=4), wanted=calls, cuts=cut_places)
@MANY
def test_an_answer_does_not_depend_on_where_it_was_cut(
    pieces: list[str], wanted: list[tuple[str, str]], cuts: list[int]
) -> None:
    """Neither what is shown nor what comes out."""
    body = stream_of(pieces, wanted)

    assert read(body, cuts) == read(body, [])


@given(data=st.binary(max_size=200), cuts=cut_places)
@MANY
def test_no_bytes_make_the_reader_fail_in_an_untyped_way(data: bytes, cuts: list[int]) -> None:
    """Whatever a provider sends is an answer or a typed error, the same for every cut."""
    for body in (data, b"data: " + data, b'data: {"choices": [' + data, b'{"choices": [' + data):
        assert read(body, cuts) == read(body, [])


@given(text=texts | texts_with_calls, wanted=calls)
@MANY
def test_a_complete_answer_and_its_stream_are_the_same(
    text: str, wanted: list[tuple[str, str]]
) -> None:
    """One decoder reads both."""
    message = {
        "content": text,
        "tool_calls": [
            {"id": f"call_{index}", "function": {"name": name, "arguments": arguments}}
            for index, (name, arguments) in enumerate(wanted)
        ],
    }
    body = json.dumps({"id": "c", "choices": [{"message": message, "finish_reason": "stop"}]})

    streamed = read(stream_of(list(text), wanted), [])

    assert read(body.encode(), [])[1] == streamed[1]


@given(pieces=st.lists(texts_with_calls, max_size=4))
@MANY
def test_what_was_shown_is_the_text_of_the_answer(pieces: list[str]) -> None:
    """No part of a call is shown, and nothing of the text is missing, but for space at its end."""
    shown, response = read(stream_of(pieces, []), [])

    if isinstance(response, ModelResponse):
        assert shown.rstrip() == response.message.text.rstrip()


@given(
    text=texts_with_calls,
    sizes=st.lists(st.integers(1, 12), max_size=8),
    reasoning=st.sampled_from(["none", "tagged", "prefilled", "unknown"]),
    is_cut=st.booleans(),
)
@settings(max_examples=600, deadline=None)
def test_what_is_held_back_and_what_is_found_agree_for_every_cut(
    text: str, sizes: list[int], reasoning: ReasoningStyle, is_cut: bool
) -> None:
    """The answer is the same for all pieces, and what was shown is its beginning."""
    complete = read_text(text, reasoning=reasoning, is_cut=is_cut)

    for answer in (
        read_text(text, sizes=sizes, reasoning=reasoning, is_cut=is_cut),
        read_text(text, size=1, reasoning=reasoning, is_cut=is_cut),
    ):
        assert answer.drafts == complete.drafts
        assert answer.text.rstrip() == complete.text.rstrip()
        assert answer.reasoning.split() == complete.reasoning.split()
        assert (answer.is_cut, answer.is_malformed) == (complete.is_cut, complete.is_malformed)
        assert answer.text.startswith(answer.shown.rstrip())


@given(wanted=calls.filter(bool))
@MANY
def test_calls_arrive_as_they_were_meant(wanted: list[tuple[str, str]]) -> None:
    """Every one, in order, with its own arguments."""
    _, response = read(stream_of([], wanted), [])

    assert isinstance(response, ModelResponse)
    assert response.message.tool_calls == tuple(
        ToolCall(id=f"call_{index}", name=name, arguments=arguments)
        for index, (name, arguments) in enumerate(wanted)
    )


@given(data=st.binary(max_size=300), cuts=cut_places)
@MANY
def test_events_do_not_depend_on_where_the_bytes_were_cut(data: bytes, cuts: list[int]) -> None:
    """Any bytes at all."""
    uncut, cut = SSEDecoder(), SSEDecoder()
    edges = [0, *sorted(place % (len(data) + 1) for place in cuts), len(data)]

    expected = [*uncut.feed(data), *uncut.close()]

    got = [event for start, end in pairwise(edges) for event in cut.feed(data[start:end])]
    assert [*got, *cut.close()] == expected


@given(text=argument_texts | st.text(max_size=60))
@MANY
def test_arguments_never_raise_and_what_is_sent_is_always_an_object(text: str) -> None:
    """Strict JSON stays as it is; anything else becomes something a server can parse."""
    sent = object_text(text)

    assert isinstance(json.loads(sent), dict)
    assert object_text(sent) == sent
    read_arguments(text)


@given(value=json_objects, text=argument_texts)
@MANY
def test_repair_keeps_what_is_right_and_gives_only_what_is_valid(
    value: JsonObject, text: str
) -> None:
    """Arguments that fit come out as they are; others fit when they come out."""
    check = JsonSchema(SCHEMA)

    kept = repair_arguments(json.dumps(value), schema={}, is_valid=lambda _: True)
    repaired = repair_arguments(text, schema=SCHEMA, is_valid=lambda one: not check.violations(one))

    assert kept is not None
    assert (kept.value, kept.repairs) == (value, ())
    assert repaired is None or not check.violations(repaired.value)
