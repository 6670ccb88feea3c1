"""Raw text completion: the prompt that is sent, the text that comes back."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.load import ResolvedModel
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.dialect.base import DoneDelta, FinishDelta, HeadDelta, TextDelta, UsageDelta
from agentkit.dialect.completions import Completions
from agentkit.errors import ProtocolError, StatusError, UnsupportedError
from agentkit.event import RunEvent, TextReceived
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.testing.scripted import ScriptedExchange, ScriptedTransport
from agentkit.transport.base import Transport
from agentkit.usage import Usage
from tests.complete_prompt import compile_history, prompt_text
from tests.property.strategies import histories
from tests.unit.dialect.answers import (
    CUTS,
    DOCUMENT,
    STREAM,
    answer,
    body_of,
    cut,
    document,
    events,
    read,
)

PROVIDER = ProviderProfile(name="provider", title="Provider", base_url="http://provider/v1")
MIXTRAL = ModelProfile(family="mixtral-8x22b", id="mixtral", rules="mistral")
ADD = ToolSpec(
    name="math.add",
    description="Add.",
    input_schema={
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    },
)
NOW = ToolSpec(name="now", description="", input_schema={"type": "object"})
ASKED = ModelRequest(history=History([UserMessage("Zoë?")]), tools=(ADD, NOW))
OFFER = prompt_text([UserMessage("")], (ADD, NOW)).removeprefix("<s>").partition("[INST]")[0]
WIRE_ADD = OFFER.partition('"name": "')[2].partition('"')[0]


def encode(request: ModelRequest, **accepts: Any) -> dict[str, Any]:
    """Return the body sent for `request`."""
    provider = replace(PROVIDER, accepts=Accepts(**accepts))
    return body_of(Completions().encode(request, provider=provider, model=MIXTRAL))


def completion(text: str, reason: str | None = "stop") -> dict[str, Any]:
    """Return an answer, or a chunk of one."""
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "model": "mixtral",
        "choices": [{"index": 0, "text": text, "finish_reason": reason, "logprobs": None}],
    }


def test_the_conversation_is_one_text() -> None:
    """The server writes the marker of the beginning; the token limit is always sent."""
    encoded = Completions().encode(
        replace(ASKED, instructions="Be brief."), provider=PROVIDER, model=MIXTRAL
    )

    assert encoded.wire.path == "/completions"
    assert set(encoded.fields) == {"model", "prompt", "max_tokens"}
    assert encoded.tool_names == {WIRE_ADD: "math.add"}
    assert encoded.opening == ()
    assert body_of(encoded) == {
        "model": "mixtral",
        "prompt": f"{OFFER}[INST] Be brief.\n\nZoë?[/INST]",
        "max_tokens": 4096,
    }


def test_settings_have_the_names_of_the_provider() -> None:
    """Only settings that are set and accepted are sent."""
    request = replace(
        ASKED,
        tools=(),
        stream=True,
        settings=ModelSettings(temperature=0, top_p=0.5, max_tokens=7, seed=3, stop=("END",)),
    )

    assert encode(request, seed_field="random_seed", omit=frozenset({"stream_options"})) == {
        "model": "mixtral",
        "prompt": "[INST] Zoë?[/INST]",
        "max_tokens": 7,
        "temperature": 0,
        "top_p": 0.5,
        "random_seed": 3,
        "stop": ["END"],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("window", "limit"), [(None, 4096), (65_536, 4096), (1000, 500), (1, 1)], ids=str
)
def test_the_token_limit_fits_the_window(window: int | None, limit: int) -> None:
    """Without a limit of the caller, the answer may take half of a small window."""
    model = replace(MIXTRAL, context_window_tokens=window)

    assert (
        body_of(Completions().encode(ASKED, provider=PROVIDER, model=model))["max_tokens"] == limit
    )


def test_a_profile_may_set_the_token_limit() -> None:
    """A field that the profile sends with every request is kept, unless the caller sets it."""
    assert encode(ASKED, extra_fields={"max_tokens": 99})["max_tokens"] == 99


def test_unsupported_stop_texts_are_an_error() -> None:
    """They change the answer, so they are never dropped."""
    request = replace(ASKED, settings=ModelSettings(stop=("x",)))

    with pytest.raises(UnsupportedError, match="no stop texts"):
        encode(request, stop=False)


def test_only_models_whose_prompt_format_is_known_are_accepted() -> None:
    """Another model would not understand the markers."""
    with pytest.raises(UnsupportedError, match="prompt of 'llama' is not known"):
        Completions().encode(
            ASKED, provider=PROVIDER, model=ModelProfile(family="llama", id="llama", rules="plain")
        )


@given(history=histories())
@settings(max_examples=60, deadline=None)
def test_every_turn_sends_the_same_text_as_a_first_one(history: History) -> None:
    """The cached text equals a new encoding, byte for byte."""
    dialect = Completions()
    for length in range(len(history) + 1):
        part = History(history[:length])
        if not part.open_calls:
            dialect.encode(ModelRequest(history=part), provider=PROVIDER, model=MIXTRAL)
    request = ModelRequest(history=history, tools=(ADD,), instructions="Be brief.")

    sent = body_of(dialect.encode(request, provider=PROVIDER, model=MIXTRAL))["prompt"]

    assert f"<s>{sent}" == prompt_text(compile_history(request), (ADD,))


@pytest.mark.parametrize(
    ("choice", "ending"),
    [
        (ToolChoice(), ""),
        (ToolChoice(mode="required"), "[TOOL_CALLS]"),
        (
            ToolChoice.parse("math.add"),
            f'[TOOL_CALLS] [{{"name": "{WIRE_ADD}", "arguments":',
        ),
    ],
    ids=["auto", "required", "named"],
)
def test_a_forced_call_is_begun_in_the_prompt(choice: ToolChoice, ending: str) -> None:
    """The tools on offer stay the same, so the text before it does too."""
    encoded = Completions().encode(
        replace(ASKED, tool_choice=choice), provider=PROVIDER, model=MIXTRAL
    )

    assert body_of(encoded)["prompt"] == f"{OFFER}[INST] Zoë?[/INST]{ending}"
    assert encoded.opening == ((TextDelta(text=ending),) if ending else ())


def test_with_the_choice_none_no_tools_are_offered() -> None:
    """The prompt contains no tools then."""
    assert encode(replace(ASKED, tool_choice=ToolChoice(mode="none")))["prompt"] == (
        "[INST] Zoë?[/INST]"
    )


@pytest.mark.parametrize("choice", ["required", "other"])
def test_a_forced_call_without_a_tool_is_an_error(choice: str) -> None:
    """There must be a tool to call."""
    request = replace(ASKED, tools=(), tool_choice=ToolChoice.parse(choice))

    with pytest.raises(UnsupportedError):
        encode(request)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ("auto", f'[TOOL_CALLS] [{{"name": "{WIRE_ADD}", "arguments": {{"a": 1}}}}]'),
        ("auto", f' [{{"name": "{WIRE_ADD}", "arguments": {{"a": 1}}, "id": "aaaaaaaa1"}}]'),
        ("auto", f' {{"name": "{WIRE_ADD}", "arguments": {{"a": 1}}}}'),
        ("required", f' [{{"name": "{WIRE_ADD}", "arguments": {{"a": 1}}}}]'),
        ("math.add", ' {"a": 1}}]'),
        ("math.add", ' {"a": 1}, "id": "aaaaaaaa1"}]'),
    ],
    ids=["marker", "no marker", "object", "required", "named", "named with id"],
)
def test_calls_come_back_as_text(choice: str, text: str) -> None:
    """With the marker, without it, or as the rest of the call that the prompt began."""
    dialect = Completions()
    request = replace(ASKED, tool_choice=ToolChoice.parse(choice))
    encoded = dialect.encode(request, provider=PROVIDER, model=MIXTRAL)

    response = answer(dialect, request, encoded, document(completion(text)))

    calls = [(call.name, call.arguments) for call in response.message.tool_calls]
    assert calls == [("math.add", '{"a": 1}')]
    assert response.message.text == ""
    assert response.repairs == ()


async def test_a_provider_model_puts_the_beginning_from_the_prompt_before_the_answer() -> None:
    """If the prompt began the call, the response contains all of it, and nothing was shown."""
    shown: list[RunEvent] = []

    async def emit(event: RunEvent) -> None:
        shown.append(event)

    transport = ScriptedTransport(ScriptedExchange.of_json(completion(' {"a": 1}}]')))

    def open_scripted(resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        assert base_url == resolved.provider.base_url
        return transport

    provider = replace(PROVIDER, dialect="completions")
    model = ProviderModel(
        ResolvedModel(name="provider:mixtral", provider=provider, model=MIXTRAL),
        dialects={"completions": Completions},
        learned=LearnedProfiles(),
        transport=open_scripted,
    )
    request = replace(ASKED, tool_choice=ToolChoice.parse("math.add"), stream=True)

    async with model.open() as connection:
        response = await connection.chat(request, emit=emit)

    assert [(c.name, c.arguments) for c in response.message.tool_calls] == [
        ("math.add", '{"a": 1}')
    ]
    assert [event for event in shown if isinstance(event, TextReceived)] == []


COMPLETE = document(
    {**completion(" Ça va ✓"), "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
)
STREAMED = events(
    completion(" ", None),
    completion("Ça", None),
    completion(" va ✓", None),
    completion("", "stop"),
    {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}},
    "[DONE]",
)
HEAD = HeadDelta(response_id="cmpl-1", model="mixtral")
USAGE = UsageDelta(usage=Usage(input_tokens=5, output_tokens=2))


@given(cuts=CUTS)
def test_a_complete_answer_is_read_however_it_is_cut(cuts: list[int]) -> None:
    """The space that the format puts before an answer is not part of it."""
    deltas = read(Completions().decoder(DOCUMENT), cut(COMPLETE, cuts))

    assert deltas == [
        HEAD,
        TextDelta(text="Ça va ✓"),
        FinishDelta(reason="stop"),
        USAGE,
        DoneDelta(),
    ]


@given(cuts=CUTS)
def test_a_streamed_answer_is_read_however_it_is_cut(cuts: list[int]) -> None:
    """Only the first piece loses its space."""
    deltas = read(Completions().decoder(STREAM), cut(STREAMED, cuts))

    assert [delta for delta in deltas if delta != HEAD] == [
        TextDelta(text="Ça"),
        TextDelta(text=" va ✓"),
        FinishDelta(reason="stop"),
        USAGE,
        DoneDelta(is_finish=False),
    ]


def test_an_error_in_the_stream_is_raised() -> None:
    """After any text."""
    data = events(completion(" So", None), {"error": {"message": "overloaded", "code": 503}})

    with pytest.raises(StatusError, match="overloaded") as caught:
        read(Completions().decoder(STREAM), [data])
    assert (caught.value.status, caught.value.retry) == (503, "same")


@pytest.mark.parametrize("data", [b"", b"<html>", b'{"id": 1}'], ids=["empty", "html", "no choice"])
def test_a_response_that_is_not_a_completion_is_an_error(data: bytes) -> None:
    """An answer without a choice is not an answer."""
    with pytest.raises(ProtocolError):
        read(Completions().decoder(DOCUMENT), [data])


def test_a_conversation_of_several_turns_is_encoded_with_its_calls() -> None:
    """Calls and results are in the prompt, and tools move to the new user message."""
    history = History(
        [
            SystemMessage("Be kind."),
            UserMessage("1+1?"),
            AssistantMessage(tool_calls=[ToolCall(id="c1", name="math.add", arguments='{"a": 1}')]),
            ToolResult("c1", "2"),
            AssistantMessage("It is 2."),
            UserMessage("Sure?"),
        ]
    )

    prompt = encode(replace(ASKED, history=history))["prompt"]

    call_id = prompt.partition('"id": "')[2][:9]
    assert prompt == (
        f'[INST] 1+1?[/INST][TOOL_CALLS] [{{"name": "{WIRE_ADD}", "arguments": {{"a": 1}}, '
        f'"id": "{call_id}"}}]</s>[TOOL_RESULTS] {{"content": 2, "call_id": "{call_id}"}}'
        f"[/TOOL_RESULTS] It is 2.</s>{OFFER}[INST] Be kind.\n\nSure?[/INST]"
    )
