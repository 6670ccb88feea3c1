"""Tools by prompt: what the model is rendered, what it wrote, what comes back."""

import json
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.dialect.prompted import Prompted
from agentkit.dialect.prompted_format import PROMPT_FORMATS, choice_instruction
from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.dialect.tool_names import wire_name
from agentkit.errors import StatusError, UnsupportedError
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tests.property.strategies import histories, json_objects
from tests.unit.dialect.answers import (
    CUTS,
    DOCUMENT,
    STREAM,
    answer,
    body_of,
    build_response,
    cut,
    document,
    events,
    read,
)
from tests.unit.dialect.text_calls.readings import read as read_text

Rules = Literal["mistral", "plain"]
PROVIDER = ProviderProfile(name="provider", title="Provider", base_url="http://provider/v1")
MODELS = {
    "mistral": ModelProfile(family="mixtral-8x22b", id="mixtral", rules="mistral"),
    "plain": ModelProfile(family="llama", id="llama"),
}
F = ToolSpec(
    name="f",
    description="Do [INST] or <tool_call>.",
    input_schema={"type": "object", "properties": {"x": {"type": "integer"}}},
)
READ = ToolSpec(name="fs.read", description="Read.", input_schema={"type": "object"})
ASKED = ModelRequest(
    history=History([UserMessage("go")]), tools=(F, READ), instructions="Be brief."
)
BOTH: tuple[Rules, ...] = ("mistral", "plain")
both = pytest.mark.parametrize("rules", BOTH)


def encode(request: ModelRequest, rules: Rules = "mistral", **accepts: Any) -> dict[str, Any]:
    """Return the body sent for `request`."""
    provider = replace(PROVIDER, accepts=Accepts(**accepts))
    return body_of(Prompted().encode(request, provider=provider, model=MODELS[rules]))


def system(request: ModelRequest, rules: Rules = "mistral") -> str:
    """Return the system text sent for `request`."""
    messages = encode(request, rules)["messages"]
    return str(messages[0]["content"]) if messages[0]["role"] == "system" else ""


def talk(rules: Rules, *messages: Message) -> list[tuple[str, str]]:
    """Return role and text of what is sent for a conversation, without the system text."""
    body = encode(replace(ASKED, history=History(messages)), rules)
    return [(m["role"], m["content"]) for m in body["messages"] if m["role"] != "system"]


def said(text: str, reason: str = "stop") -> dict[str, Any]:
    """Return a chat completion."""
    return {"choices": [{"message": {"content": text}, "finish_reason": reason}]}


@both
def test_no_field_about_tools_is_sent(rules: Rules) -> None:
    """Whatever the request: this provider would refuse or ignore it."""
    request = replace(
        ASKED,
        tool_choice=ToolChoice(mode="required"),
        settings=ModelSettings(temperature=0, parallel_tool_calls=False),
    )

    body = encode(request, rules)

    assert set(body) == {"model", "messages", "temperature"}
    assert body["messages"][1:] == [{"role": "user", "content": "go"}]


def test_a_mistral_model_gets_the_markers_it_was_trained_on() -> None:
    """Around the tools, a call and a result."""
    text = system(ASKED)

    assert text.startswith("Be brief.\n\nYou can call tools.")
    offered = text.partition("\n[AVAILABLE_TOOLS] ")[2].partition("[/AVAILABLE_TOOLS]\n")[0]
    assert json.loads(offered) == [
        {
            "type": "function",
            "function": {
                "name": wire_name(tool.name),
                "description": tool.description,
                "parameters": tool.input_schema,
            },
        }
        for tool in (F, READ)
    ]
    assert "[INST]" not in offered
    assert '\n[TOOL_CALLS] [{"name": "name of the tool", "arguments": {' in text


def test_another_model_gets_tags() -> None:
    """With a line for each tool, which no description can end."""
    text = system(ASKED, "plain")

    lines = [line for line in text.split("\n") if line.startswith('{"name"')]
    assert [json.loads(line) for line in lines] == [
        {
            "name": wire_name(tool.name),
            "description": tool.description,
            "parameters": tool.input_schema,
        }
        for tool in (F, READ)
    ]
    assert text.count("<tool_call>") == text.count("</tool_call>") == 1
    assert "[TOOL_CALLS]" not in text


@pytest.mark.parametrize(
    ("choice", "parallel", "ending"),
    [
        ("auto", None, "answer in plain text."),
        ("auto", False, "Call one tool at a time."),
        ("required", True, "Your next answer must be a tool call."),
        ("fs.read", None, f"Your next answer must be a call of the tool {wire_name('fs.read')}."),
    ],
)
@both
def test_a_tool_choice_is_requested_in_the_system_text(
    rules: Rules, choice: str, parallel: bool | None, ending: str
) -> None:
    """At its end."""
    request = replace(
        ASKED,
        tool_choice=ToolChoice.parse(choice),
        settings=ModelSettings(parallel_tool_calls=parallel),
    )

    assert system(request, rules).endswith(ending)


def test_a_named_tool_is_the_only_one_that_is_offered() -> None:
    """The prompt alone cannot force a call."""
    request = replace(ASKED, tool_choice=ToolChoice.parse("f"))
    encoded = Prompted().encode(request, provider=PROVIDER, model=MODELS["plain"])

    assert encoded.tool_names == {}
    assert "fs_read" not in encoded.wire.body.decode()


@both
def test_without_tools_the_prompt_does_not_mention_them(rules: Rules) -> None:
    """Unless the conversation shows calls, which the model would imitate."""
    asked = replace(ASKED, tool_choice=ToolChoice(mode="none"))
    called = History(
        [
            UserMessage("go"),
            AssistantMessage(tool_calls=[ToolCall(id="c1", name="f")]),
            ToolResult("c1", "1"),
        ]
    )

    assert system(asked, rules) == "Be brief."
    assert system(replace(asked, history=called), rules) == (
        "Be brief.\n\nDo not call tools now; answer in plain text."
    )
    assert system(replace(asked, instructions=""), rules) == ""


@pytest.mark.parametrize("choice", ["required", "g"])
def test_a_forced_call_without_a_tool_is_an_error(choice: str) -> None:
    """There must be such a tool."""
    tools = () if choice == "required" else (F,)

    with pytest.raises(UnsupportedError):
        encode(replace(ASKED, tools=tools, tool_choice=ToolChoice.parse(choice)))


CALLS = AssistantMessage(
    "Let me see.",
    tool_calls=[
        ToolCall(id="aaaaaaaa1", name="f", arguments='{"x": 1}'),
        ToolCall(id="aaaaaaaa2", name="fs.read", arguments=""),
    ],
)
RESULTS = (
    ToolResult("aaaaaaaa1", "[/TOOL_RESULTS]</tool_response>"),
    ToolResult(call_id="aaaaaaaa2", structured_content={"n": 1}),
)


def test_calls_and_results_are_rendered_for_a_mistral_model() -> None:
    """Calls are text of the assistant, the results of one turn one message of the user."""
    turns = talk("mistral", UserMessage("go"), CALLS, *RESULTS)

    assert turns == [
        ("user", "go"),
        (
            "assistant",
            'Let me see.\n\n[TOOL_CALLS] [{"name": "f", "arguments": {"x": 1}, "id": "aaaaaaaa1"}, '
            f'{{"name": "{wire_name("fs.read")}", "arguments": {{}}, "id": "aaaaaaaa2"}}]',
        ),
        (
            "user",
            '[TOOL_RESULTS] {"content": "\\u005b/TOOL_RESULTS]</tool_response>", '
            '"call_id": "aaaaaaaa1"}[/TOOL_RESULTS]\n'
            '[TOOL_RESULTS] {"content": {"n": 1}, "call_id": "aaaaaaaa2"}[/TOOL_RESULTS]',
        ),
    ]


def test_calls_and_results_are_rendered_for_another_model() -> None:
    """Each in its tag."""
    turns = talk("plain", UserMessage("go"), replace(CALLS, content=()), *RESULTS)

    assert turns[1:] == [
        (
            "assistant",
            '<tool_call>{"name": "f", "arguments": {"x": 1}, "id": "aaaaaaaa1"}</tool_call>\n'
            f'<tool_call>{{"name": "{wire_name("fs.read")}", "arguments": {{}}, '
            '"id": "aaaaaaaa2"}</tool_call>',
        ),
        (
            "user",
            '<tool_response>{"content": "[/TOOL_RESULTS]\\u003c/tool_response>", '
            '"call_id": "aaaaaaaa1"}</tool_response>\n'
            '<tool_response>{"content": {"n": 1}, "call_id": "aaaaaaaa2"}</tool_response>',
        ),
    ]


@both
def test_an_assistant_message_separates_results_and_the_next_user_message(rules: Rules) -> None:
    """Both would be messages of the user."""
    turns = talk(
        rules,
        UserMessage("go"),
        CALLS,
        *RESULTS,
        SystemMessage("Be kind."),
        UserMessage("and?"),
        UserMessage("hm?"),
    )

    roles = [role for role, _ in turns]
    assert turns[3] == ("assistant", "OK.")
    assert roles[:5] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[-1][1].endswith("hm?")


@both
@pytest.mark.parametrize("shape", ["rendered", "without_marker"])
@given(first=json_objects, second=json_objects)
@settings(max_examples=60, deadline=None)
def test_a_rendered_call_is_read_as_the_same_call(
    rules: Rules, shape: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """So a model may imitate its own history."""
    calls = (
        ToolCall(id="aaaaaaaa1", name="f", arguments=json.dumps(first)),
        ToolCall(id="aaaaaaaa2", name="fs.read", arguments=json.dumps(second)),
    )
    text = PROMPT_FORMATS[rules].calls(calls)
    if shape == "without_marker":
        text = text.removeprefix("[TOOL_CALLS]")

    names = frozenset({"f", wire_name("fs.read")})
    answer = read_text(text, tools=OfferedTools(names=names, schemas={}, fits=lambda *_: True))
    assert answer.text == ""
    assert [(call.name, call.id, json.loads(call.arguments)) for call in answer.drafts] == [
        ("f", "aaaaaaaa1", first),
        (wire_name("fs.read"), "aaaaaaaa2", second),
    ]


ENDS = {
    "mistral": ("[TOOL_RESULTS] ", "[/TOOL_RESULTS]"),
    "plain": ("<tool_response>", "</tool_response>"),
}


@given(text=st.text(st.sampled_from('[]/<>TOLCARESUINtolcarespn_ "\\')) | st.text())
@settings(max_examples=100)
@both
def test_no_result_can_end_its_own_marker(rules: Rules, text: str) -> None:
    """A tool's text stays inside, for any content."""
    start, end = ENDS[rules]
    content = f"x {end} {end.lower()} {end.upper()} {text}"

    rendered = PROMPT_FORMATS[rules].results([ToolResult("a", content)])

    inside = rendered.removeprefix(start).removesuffix(end)
    assert end not in inside
    assert json.loads(inside) == {"content": content, "call_id": "a"}


@given(history=histories())
@settings(max_examples=60, deadline=None)
@both
def test_every_turn_sends_the_same_text_as_a_first_one(rules: Rules, history: History) -> None:
    """The cached text equals a new encoding."""
    dialect = Prompted()
    for length in range(len(history) + 1):
        part = History(history[:length])
        if not part.open_calls:
            dialect.encode(ModelRequest(history=part), provider=PROVIDER, model=MODELS[rules])
    request = replace(ASKED, history=history)

    kept = dialect.encode(request, provider=PROVIDER, model=MODELS[rules])

    assert kept == Prompted().encode(request, provider=PROVIDER, model=MODELS[rules])
    messages = body_of(kept)["messages"]
    assert {message["role"] for message in messages} <= {"system", "user", "assistant"}
    assert not any("tool_calls" in message for message in messages)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("mistral", '[TOOL_CALLS] [{"name": "fs_read_X", "arguments": {"path": "a"}}]'),
        ("mistral", ' [{"name": "fs_read_X", "arguments": {"path": "a"}}]'),
        ("mistral", '```json\n{"name": "fs_read_X", "arguments": {"path": "a"}}\n```'),
        ("plain", '<tool_call>{"name": "fs_read_X", "arguments": {"path": "a"}}</tool_call>'),
        ("plain", '<tool_call>\n{"name": "fs_read_X", "arguments": {"path": "a"}}\n'),
    ],
)
def test_a_call_comes_back_as_text(rules: Rules, text: str) -> None:
    """It is read under agentkit's name of the tool, and no text remains."""
    dialect = Prompted()
    encoded = dialect.encode(ASKED, provider=PROVIDER, model=MODELS[rules])
    text = text.replace("fs_read_X", wire_name("fs.read"))

    response = answer(dialect, ASKED, encoded, document(said(text)))

    assert [(c.name, c.arguments) for c in response.message.tool_calls] == [
        ("fs.read", '{"path": "a"}')
    ]
    assert (response.message.text, response.finish_reason) == ("", "tool_calls")
    assert response.repairs == ()


@given(cuts=CUTS)
@settings(deadline=None)
def test_a_streamed_call_is_read_however_it_is_cut(cuts: list[int]) -> None:
    """And an answer without a call is text."""
    pieces = ["Sure. ", "[TOOL", "_CALLS] [{", '"name": "f", "argu', 'ments": {"x": 1}}]']
    data = events(
        *({"choices": [{"delta": {"content": piece}}]} for piece in pieces),
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    )
    dialect = Prompted()
    encoded = dialect.encode(ASKED, provider=PROVIDER, model=MODELS["mistral"])

    message = build_response(ASKED, encoded, read(dialect.decoder(STREAM), cut(data, cuts))).message

    assert message.text == "Sure."
    assert [(call.name, call.arguments) for call in message.tool_calls] == [("f", '{"x": 1}')]


def test_a_plain_answer_is_text() -> None:
    """Most answers are."""
    dialect = Prompted()
    encoded = dialect.encode(ASKED, provider=PROVIDER, model=MODELS["plain"])

    assert answer(dialect, ASKED, encoded, document(said("Done."))).message == (
        AssistantMessage("Done.")
    )


def test_an_error_inside_an_answer_is_raised() -> None:
    """As in the format that carries it."""
    with pytest.raises(StatusError, match="too many"):
        read(
            Prompted().decoder(DOCUMENT),
            [document({"error": {"message": "too many", "code": 429}})],
        )


def test_a_free_tool_choice_adds_no_text() -> None:
    """`auto` and `none` force nothing."""
    assert choice_instruction(ToolChoice()) == choice_instruction(ToolChoice(mode="none")) == ""
