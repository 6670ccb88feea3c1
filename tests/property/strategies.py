"""Strategies for messages and histories with all values that the types allow."""

import json
from dataclasses import replace

from hypothesis import strategies as st

from agentkit.content import (
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)

texts = st.text(max_size=12) | st.sampled_from(
    ["", " ", "\n\n", "hi", "[TOOL_CALLS]", "é✓🙂", "{}"]
)

json_scalars: st.SearchStrategy[JsonValue] = (
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8)
)
json_values: st.SearchStrategy[JsonValue] = st.recursive(
    json_scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
json_objects = st.dictionaries(st.text(max_size=6), json_values, max_size=3)

argument_texts = json_objects.map(json.dumps) | st.sampled_from(
    ["", "{}", "null", "[1]", '{"a": ', "{'a': 1}", '"{}"', "not json", '{"a": NaN}']
)

tool_names = st.from_regex(r"[A-Za-z0-9_.-]{1,128}", fullmatch=True) | st.sampled_from(
    ["add", "fs.read", "fs_read", "x" * 128]
)
call_ids = st.sampled_from(["call_1", "a1B2c3D4e", "0", "same", "é"]) | st.text(
    min_size=1, max_size=40
)

readable_blocks: st.SearchStrategy[ContentBlock] = st.one_of(
    texts.map(lambda text: TextContent(text)),
    texts.map(lambda text: ReasoningContent(text)),
    st.just(ResourceLink(uri="file:///a", name="a")),
    st.just(EmbeddedResource(uri="file:///b", text="b")),
    st.just(EmbeddedResource(uri="file:///c", blob="AAAA")),
)
any_blocks = readable_blocks | st.just(ImageContent(data="AAAA", mime_type="image/png"))

system_messages = texts.map(lambda text: SystemMessage(text))
user_messages = st.lists(readable_blocks, max_size=3).map(
    lambda blocks: UserMessage(content=tuple(blocks))
)


assistant_messages = st.builds(
    AssistantMessage,
    content=st.lists(readable_blocks, max_size=2).map(tuple),
    tool_calls=st.just(())
    | st.lists(
        st.builds(ToolCall, id=call_ids, name=tool_names, arguments=argument_texts),
        max_size=3,
        unique_by=lambda call: call.id,
    ).map(tuple),
)
messages = st.one_of(system_messages, user_messages, assistant_messages)
result_blocks = st.lists(any_blocks, max_size=2)


@st.composite
def histories(draw: st.DrawFn, *, max_messages: int = 8) -> History:
    """Draw a history in which each call has its result, in any order."""
    history = History()
    used: set[str] = set()
    count = draw(st.integers(0, max_messages))
    for _ in range(count):
        message = draw(messages)
        if isinstance(message, AssistantMessage):
            calls = tuple(_with_new_id(call, used) for call in message.tool_calls)
            history += [replace(message, tool_calls=calls), *_results(draw, calls)]
        else:
            history += [message]
    return history


def _with_new_id(call: ToolCall, used: set[str]) -> ToolCall:
    """Return a call whose id no other has; a strategy for each message would take long to make."""
    call_id = call.id
    while call_id in used:
        call_id += "+"
    used.add(call_id)
    return call if call_id == call.id else replace(call, id=call_id)


def _results(draw: st.DrawFn, calls: tuple[ToolCall, ...]) -> list[Message]:
    results: list[Message] = []
    order = draw(st.permutations(calls))
    for call in order:
        blocks = draw(result_blocks)
        is_error = draw(st.booleans())
        results.append(ToolResult(call_id=call.id, content=tuple(blocks), is_error=is_error))
    return results
