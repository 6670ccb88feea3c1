"""A model at a provider, over a scripted transport."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from agentkit.chat import ModelRequest, Repair, ToolChoice, ToolSpec
from agentkit.config.load import ResolvedModel, resolve_model
from agentkit.config.profile import ModelProfile
from agentkit.errors import ProtocolError, ProviderError, StatusError, TransportError
from agentkit.event import ModelRetried, RequestDowngraded, RunEvent, TextReceived
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.model.build import DIALECTS, build_model
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.model.usage_cost import with_cost
from agentkit.testing.scripted import ScriptedExchange, ScriptedModel, ScriptedTransport
from agentkit.transport.base import Transport
from agentkit.transport.retry import RetrySettings
from agentkit.usage import Usage

RESOLVED = resolve_model("openrouter:mixtral-8x22b", environ={}, api_key="test-key")
ADD = ToolSpec(name="add", description="Add.", input_schema={"type": "object"})
REQUEST = ModelRequest(history=History([UserMessage("hi")]))
ANSWER = ScriptedExchange.of_json(
    {
        "choices": [
            {"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0},
    }
)
EMPTY = ScriptedExchange.of_json(
    {
        "choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 500_000, "completion_tokens": 0},
    }
)
BUSY = ScriptedExchange.of_json({"error": {"message": "overloaded"}}, status=503)


def _model(
    transport: ScriptedTransport, *, learned: LearnedProfiles | None = None
) -> ProviderModel:
    def open_scripted(resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        assert resolved is RESOLVED
        assert base_url == RESOLVED.provider.base_url
        return transport

    return ProviderModel(
        RESOLVED,
        dialects=DIALECTS,
        retry=RetrySettings(attempts=3, base_seconds=0.0),
        learned=learned or LearnedProfiles(),
        transport=open_scripted,
    )


class _Events:
    def __init__(self) -> None:
        self.seen: list[RunEvent] = []

    async def emit(self, event: RunEvent) -> None:
        self.seen.append(event)


async def _chat(
    exchanges: Sequence[ScriptedExchange],
    request: ModelRequest = REQUEST,
    *,
    learned: LearnedProfiles | None = None,
) -> tuple[AssistantMessage | ProviderError, ScriptedTransport, list[RunEvent]]:
    transport, events = ScriptedTransport(*exchanges), _Events()
    outcome: AssistantMessage | ProviderError
    async with _model(transport, learned=learned).open() as connection:
        try:
            outcome = (await connection.chat(request, emit=events.emit)).message
        except ProviderError as error:
            outcome = error
    assert transport.is_closed
    assert transport.open_answers == 0
    return outcome, transport, events.seen


async def test_an_answer_is_read_and_priced() -> None:
    """By the catalog's price times the tokens, if the provider names no cost."""
    transport = ScriptedTransport(ANSWER)

    async with _model(transport).open() as connection:
        response = await connection.chat(REQUEST, emit=_Events().emit)

    assert response.message == AssistantMessage("Hello")
    assert response.provider == "openrouter"
    assert response.usage.cost_usd == RESOLVED.model.input_usd_per_million
    assert json.loads(transport.requests[0].body)["model"] == RESOLVED.model.id
    assert b"test-key" not in transport.requests[0].body


@pytest.mark.parametrize("named", ["utf-8", "identity", "none"])
async def test_an_invalid_content_encoding_is_accepted_and_reported(named: str) -> None:
    """Some providers put a charset there; the body is not compressed."""
    mislabelled = ScriptedExchange(headers={"content-encoding": named}, chunks=ANSWER.chunks)

    async with _model(ScriptedTransport(mislabelled)).open() as connection:
        response = await connection.chat(REQUEST, emit=_Events().emit)

    assert response.message == AssistantMessage("Hello")
    assert response.repairs == (Repair(kind="ignored_content_encoding", before=named, after=""),)


async def test_a_temporary_failure_is_retried_and_reported() -> None:
    """The history of the failed attempts is in the events, not in the conversation."""
    outcome, transport, events = await _chat([BUSY, BUSY, ANSWER])

    assert outcome == AssistantMessage("Hello")
    assert transport.requests[0] == transport.requests[1] == transport.requests[2]
    assert [type(event) for event in events] == [ModelRetried, ModelRetried]
    assert [event.attempt for event in events if isinstance(event, ModelRetried)] == [1, 2]


async def test_a_failed_answer_is_reported_with_its_usage_and_reduces_the_token_limit() -> None:
    """A provider bills a useless answer too."""
    limits = iter([90, 50, None])
    request = replace(REQUEST, room=lambda: next(limits))

    outcome, transport, events = await _chat([EMPTY, EMPTY, EMPTY], request)

    used = Usage(input_tokens=500_000, output_tokens=0, cost_usd=Decimal(1))
    assert isinstance(outcome, ProviderError)
    assert outcome.usage == used
    assert [event.usage for event in events if isinstance(event, ModelRetried)] == [used, used]
    sent = [json.loads(request.body).get("max_tokens") for request in transport.requests]
    assert sent == [90, 50, None]


@pytest.mark.parametrize(
    ("exchanges", "kind", "count"),
    [
        pytest.param([BUSY, BUSY, BUSY], "server", 3, id="attempts used up"),
        pytest.param(
            [ScriptedExchange.of_json({"error": "no credits"}, status=402)],
            "insufficient_credits",
            1,
            id="never again",
        ),
        pytest.param(
            [ScriptedExchange(error=TransportError("refused", kind="connection", retry="same"))]
            * 3,
            "connection",
            3,
            id="not reached",
        ),
    ],
)
async def test_a_persistent_failure_is_raised_with_provider_and_model(
    exchanges: list[ScriptedExchange], kind: str, count: int
) -> None:
    """The caller sees one typed error, whatever the transport."""
    outcome, transport, _ = await _chat(exchanges)

    assert isinstance(outcome, ProviderError)
    assert outcome.kind == kind
    assert (outcome.provider, outcome.model) == ("openrouter", RESOLVED.model.id)
    assert len(transport.requests) == count


@pytest.mark.parametrize("streamed", [False, True], ids=["as a status", "in the stream"])
async def test_a_key_that_the_provider_repeats_appears_in_no_error(streamed: bool) -> None:
    """Not even one without the usual form of a key: the model knows its own key."""
    error: JsonValue = {"error": {"message": "Wrong key test-key!", "code": 401}}
    exchange = ScriptedExchange.of_json(error, status=401)
    if streamed:
        exchange = ScriptedExchange.of_events(f"data: {json.dumps(error)}\n\n")

    outcome, _, _ = await _chat([exchange])

    assert str(outcome) == "The provider answered with an error (401): Wrong key [redacted]!"


@pytest.mark.parametrize("form", ["test-key", "test\\u002dkey", "test%2Dkey"])
async def test_a_key_that_is_echoed_in_the_request_id_is_redacted(form: str) -> None:
    """A program logs the id; some gateways build it from the key."""
    refused = ScriptedExchange(
        status=401,
        headers={"x-request-id": f"req-{form}-1"},
        chunks=(json.dumps({"error": {"message": f"no access with {form}"}}).encode(),),
    )

    outcome, _, _ = await _chat([refused])

    assert isinstance(outcome, ProviderError)
    assert outcome.request_id == "req-[redacted]-1"
    assert "no access with [redacted]" in str(outcome)
    assert form not in str(outcome)


async def test_an_answer_whose_text_was_shown_is_not_requested_again() -> None:
    """Otherwise the user would read its beginning twice."""
    cut = ScriptedExchange.of_events(
        'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n',
    )

    outcome, transport, events = await _chat([cut, ANSWER], replace(REQUEST, stream=True))

    assert isinstance(outcome, ProtocolError)
    assert outcome.kind == "stream_interrupted"
    assert events == [TextReceived("Hel")]
    assert len(transport.requests) == 1


async def test_a_stream_is_read_to_its_end_so_that_the_connection_can_be_reused() -> None:
    """Bytes after the end marker are read and skipped."""
    stream = ScriptedExchange.of_events(
        'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n',
        "data: [DONE]\n\n",
        ": trailing\n\n",
        ValueError("read one too far"),
    )

    with pytest.raises(ValueError, match="one too far"):
        await _chat([stream], replace(REQUEST, stream=True))


async def test_a_field_that_the_provider_refuses_is_left_out_and_stays_out() -> None:
    """The request is sent once more without it; the next one does not contain it at all."""
    refused = ScriptedExchange.of_json(
        {
            "object": "error",
            "message": {
                "detail": [
                    {
                        "loc": ["body", "parallel_tool_calls"],
                        "msg": "Extra inputs are not permitted",
                        "type": "extra_forbidden",
                    }
                ]
            },
        },
        status=422,
    )
    settings = replace(REQUEST.settings, parallel_tool_calls=False)
    request = replace(REQUEST, settings=settings, tools=(ADD,))
    learned = LearnedProfiles()

    outcome, transport, events = await _chat([refused, ANSWER], request, learned=learned)
    _, later, none = await _chat([ANSWER], request, learned=learned)

    assert outcome == AssistantMessage("Hello")
    sent = [json.loads(r.body).keys() for r in (*transport.requests, *later.requests)]
    assert ["parallel_tool_calls" in keys for keys in sent] == [True, False, False]
    assert [e.change for e in events if isinstance(e, RequestDowngraded)] == [
        "left out 'parallel_tool_calls'"
    ]
    assert none == []


async def test_a_missing_forced_call_is_retried_and_then_an_error() -> None:
    """An answer without the call never passes for success."""
    request = replace(REQUEST, tools=(ADD,), tool_choice=ToolChoice(mode="required"))

    outcome, transport, _ = await _chat([ANSWER, ANSWER, ANSWER], request)

    assert isinstance(outcome, ProtocolError)
    assert outcome.kind == "bad_response"
    assert len(transport.requests) == 3


async def test_a_forced_call_that_the_token_limit_prevented_is_not_requested_again() -> None:
    """The same limit would prevent it again."""
    request = replace(REQUEST, tools=(ADD,), tool_choice=ToolChoice(mode="required"))
    cut = ScriptedExchange.of_json(
        {"choices": [{"message": {"content": "Let me"}, "finish_reason": "length"}]}
    )

    outcome, transport, _ = await _chat([cut], request)

    assert isinstance(outcome, ProtocolError)
    assert (outcome.kind, outcome.retry) == ("truncated", "change")
    assert len(transport.requests) == 1


async def test_a_model_that_shows_its_family_by_a_refusal_gets_its_rules_from_then_on() -> None:
    """Ids become nine letters and digits, and the next run begins with them."""
    plain = replace(RESOLVED, model=ModelProfile(family="w.gguf", id="w.gguf"))
    refused = ScriptedExchange.of_json(
        {"object": "error", "message": "Tool call id was call_1 but must be of length 9."},
        status=400,
    )
    call = ToolCall(id="call_1", name="add", arguments="{}")
    asked = History([UserMessage("hi"), AssistantMessage(tool_calls=[call])])
    request = replace(REQUEST, history=asked + [ToolResult("call_1", "2")], tools=(ADD,))
    transport, events, learned = (
        ScriptedTransport(refused, ANSWER, ANSWER),
        _Events(),
        LearnedProfiles(),
    )

    def open_scripted(resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        assert resolved.provider.base_url == base_url
        return transport

    model = ProviderModel(plain, dialects=DIALECTS, learned=learned, transport=open_scripted)
    async with model.open() as connection:
        for _ in range(2):
            await connection.chat(request, emit=events.emit)

    ids = [json.loads(sent.body)["messages"][-1]["tool_call_id"] for sent in transport.requests]
    assert ids[0] == "call_1"
    assert ids[1] == ids[2]
    assert len(ids[1]) == 9
    assert [event.change for event in events.seen if isinstance(event, RequestDowngraded)] == [
        "kept the rules of the Mistral family"
    ]


async def test_the_body_of_an_error_is_read_up_to_a_limit() -> None:
    """The rest is not read."""
    flood = ScriptedExchange(status=500, chunks=[b"x" * 400_000] * 5)

    outcome, _, _ = await _chat([flood] * 3)

    assert isinstance(outcome, StatusError)
    assert len(str(outcome)) < 2_000


def test_a_model_is_built_from_its_name() -> None:
    """Nothing is opened, and the name is kept."""
    model = build_model("openrouter:mixtral-8x22b", api_key="k")

    assert model.name == "openrouter:mixtral-8x22b"
    assert model.profile.rules == "mistral"


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_can_be_made(name: str) -> None:
    """They are loaded by name."""
    assert DIALECTS[name]() is not DIALECTS[name]()


def test_several_names_are_one_route() -> None:
    """Models of the user's own may be among them."""
    route = build_model(["openrouter:mixtral-8x22b", ScriptedModel()], api_key="k")

    assert route.name == "openrouter:mixtral-8x22b | scripted:model"


async def test_the_usage_of_an_exchange_is_estimated_if_the_provider_reports_none() -> None:
    """It is marked as an estimate, and priced like any other."""
    silent = ScriptedExchange.of_json(
        {
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "call00001",
                                "type": "function",
                                "function": {"name": "add", "arguments": '{"a": 1}'},
                            }
                        ],
                    },
                    "finish_reason": "tool_calls",
                }
            ]
        }
    )
    transport = ScriptedTransport(silent)

    async with _model(transport).open() as connection:
        response = await connection.chat(replace(REQUEST, tools=(ADD,)), emit=_Events().emit)

    usage = response.usage
    assert usage.is_estimate
    assert usage.input_tokens > usage.output_tokens > 0
    assert usage == with_cost(replace(usage, cost_usd=None), RESOLVED.model)
    assert usage.cost_usd is not None
