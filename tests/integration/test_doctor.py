"""Hosts that honour different parts of the form, examined over real sockets."""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from agentkit import Agent, ProviderError, UnsupportedError, tool
from agentkit.chat import ModelSettings
from agentkit.config.load import ResolvedModel, read_catalog, resolve_model
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.config.user_catalog import edit_catalog, save_catalog
from agentkit.doctor.examine import ExamSettings, Report, examine
from agentkit.doctor.finding import Finding
from agentkit.doctor.judge import judge
from agentkit.doctor.plan import MAX_REQUESTS
from agentkit.doctor.table import changes
from agentkit.model.build import DIALECTS
from agentkit.model.host import HostModel
from agentkit.testing.http_server import RawReply, Reply
from agentkit.testing.sandbox import sandbox
from tests.integration.doctor_host import OddHost, Traits, as_json, running

QUICK = ExamSettings(probe_seconds=2.0, pause_seconds=0.0)
MISTRAL = "openai-compatible:mixtral-8x22b"
PLAIN = "openai-compatible:qwen"


def resolve(url: str, name: str = MISTRAL) -> ResolvedModel:
    """Resolve a model on a host that nobody knows."""
    return resolve_model(name, environ={}, base_url=url)


async def examined(
    host: OddHost,
    name: str = MISTRAL,
    *,
    settings: ExamSettings = QUICK,
    provider: Mapping[str, Any] | None = None,
) -> tuple[Report, Mapping[str, Finding], Mapping[str, object]]:
    """Examine a host; return the report, its findings by question, and what changed."""
    with anyio.fail_after(10):
        async with running(host) as url:
            base = url.removesuffix("/v1") if host.traits.chat_path.startswith("/v2") else url
            resolved = resolve(base, name)
            if provider:
                known = ProviderProfile(name="h", title="H", base_url=base, **provider)
                resolved = ResolvedModel(name=name, provider=known, model=resolved.model)
            report = await examine(resolved, settings=settings)
    findings = {each.question: each for each in judge(report.exam)}
    table = changes((resolved.provider, resolved.model), report.profiles)
    return report, findings, table


async def test_a_host_that_honours_everything_gets_few_changes() -> None:
    """What was seen to work is in the profile; twelve requests are enough."""
    host = OddHost(Traits(usage="stream_options"))

    report, findings, table = await examined(host, provider={"accepts": Accepts()})

    assert {name: each.verdict for name, each in findings.items()} == {
        "model is listed": "unclear",
        "context window": "unclear",
        "chat": "yes",
        "tools": "yes",
        "tool_choice auto": "yes",
        "tool_choice required": "yes",
        "tool_choice any": "not asked",
        "tool_choice none": "yes",
        "tool_choice named": "yes",
        "parallel calls": "yes",
        "streamed calls": "yes",
        "usage in a stream": "yes",
        "ids it makes": "yes",
        "results of calls": "yes",
        "long ids": "yes",
        "unknown fields": "yes",
        "response_format json_schema": "yes",
        "response_format json_object": "yes",
        "form of errors": "yes",
    }
    assert not any(each.is_problem for each in findings.values())
    assert report.stopped == ""
    assert report.requests == 13
    assert table == {}
    assert all(body.get("max_tokens", 64) <= 64 for body in host.bodies)


async def test_the_sandbox_is_what_its_profile_says() -> None:
    """A profile that is right stays as it is; a host that is launched is examined too."""
    resolved = resolve_model("sandbox:mixtral-8x22b", environ={})

    with anyio.fail_after(10):
        report = await examine(resolved, settings=QUICK)

    assert report.stopped == ""
    assert report.profiles == (resolved.provider, resolved.model)
    assert report.requests == 12
    assert report.usage.cost_usd == 0


CHOICES = {
    "strings only": (
        Traits(takes=frozenset({"auto", "required", "none"})),
        ["auto", "required", "none"],
    ),
    "the older word": (
        Traits(takes=frozenset({"auto", "any", "none"})),
        ["auto", "any", "none"],
    ),
    "nothing at all": (Traits(takes=frozenset()), []),
    "taken and not heeded": (Traits(heeds=frozenset()), ["auto"]),
    "named is read as auto": (
        Traits(heeds=frozenset({"auto", "required", "any", "none"})),
        ["auto", "required", "none"],
    ),
    "a server that fails": (
        Traits(takes=frozenset({"auto", "none"}), choice_status=500),
        ["auto", "none"],
    ),
}


@pytest.mark.parametrize(("traits", "choices"), CHOICES.values(), ids=CHOICES)
async def test_spellings_of_the_tool_choice_are_told_apart(
    traits: Traits, choices: list[str]
) -> None:
    """One that is refused, or does nothing, is not sent from now on."""
    host = OddHost(traits)

    report, findings, _ = await examined(host)

    asked = {body.get("tool_choice") for body in host.bodies if "any" in str(body)} - {None}
    expected = set(choices) | ({"any"} - asked if "any" not in choices else set())
    assert set(report.profiles[0].accepts.tool_choice) - {"any"} == expected - {"any"}
    assert ("any" in report.profiles[0].accepts.tool_choice) == ("any" in choices)
    for choice in ("auto", "required", "none", "named"):
        assert (findings[f"tool_choice {choice}"].verdict == "yes") == (choice in choices)
    assert findings["tools"].verdict == "yes"


async def test_which_of_two_fields_was_refused_is_asked() -> None:
    """`auto` and `parallel_tool_calls` go together first, to spare a request."""
    host = OddHost(Traits(parallel=False))

    report, findings, _ = await examined(host, provider={"accepts": Accepts()})

    accepts = report.profiles[0].accepts
    assert not accepts.parallel_tool_calls
    assert "auto" in accepts.tool_choice
    assert findings["parallel calls"].verdict == "no"
    assert "parallel_tool_calls" in findings["parallel calls"].seen


@pytest.mark.parametrize("most_calls", [1, 0], ids=["one call", "no call"])
async def test_parallel_calls_that_were_not_seen_are_not_claimed(most_calls: int) -> None:
    """The field is taken; whether it does something stays open."""
    traits = Traits(most_calls=most_calls or 1, tools="native" if most_calls else "never")

    report, findings, _ = await examined(OddHost(traits))

    assert findings["parallel calls"].verdict == "unclear"
    assert report.profiles[0].accepts.parallel_tool_calls


USAGES = {
    "stream_options": ("never", "stream_options", "stream_options"),
    "always": ("always", "always", "always"),
    "refused": ("usage_include", "always", "stream_options"),
    "never": ("stream_options", "never", "never"),
    "usage_include": ("usage_include", "usage_include", "usage_include"),
}


@pytest.mark.parametrize(("before", "host_has", "after"), USAGES.values(), ids=USAGES)
@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
async def test_how_usage_comes_in_a_stream_is_found(
    before: Any, host_has: Any, after: str, *, strict: bool
) -> None:
    """What the profile has is tried first, a plain stream last."""
    if (before, host_has) == ("usage_include", "always"):
        # A field that does no harm stays; one that is refused goes.
        after = "always" if strict else "usage_include"
    host = OddHost(Traits(usage=host_has, strict=strict))

    report, findings, _ = await examined(host, provider={"accepts": Accepts(stream_usage=before)})

    assert report.profiles[0].accepts.stream_usage == after
    assert findings["usage in a stream"].verdict == ("no" if after == "never" else "yes")
    assert findings["unknown fields"].verdict == ("no" if strict else "yes")
    assert report.profiles[0].accepts.is_strict == strict


@pytest.mark.parametrize(
    ("traits", "question", "verdict"),
    [
        (Traits(stream="whole"), "streamed answers", "partly"),
        (Traits(stream="refused"), "streamed answers", "no"),
        (Traits(tools="leak"), "streamed calls", "partly"),
        (Traits(tools="refused"), "streamed answers", "yes"),
        (Traits(tools="never"), "streamed calls", "unclear"),
    ],
    ids=["whole", "refused", "leaked", "without tools", "without a call"],
)
async def test_streams_are_judged_by_what_came(traits: Traits, question: str, verdict: str) -> None:
    """A stream that is none is no error, and said."""
    _, findings, _ = await examined(OddHost(traits))

    assert findings[question].verdict == verdict
    assert findings[question].is_problem == (verdict == "no")


async def test_calls_that_leak_are_no_problem() -> None:
    """They are read from the text; the profile stays as it is."""
    report, findings, _ = await examined(OddHost(Traits(tools="leak")))

    assert findings["tools"].verdict == "partly"
    assert not findings["tools"].is_problem
    assert report.profiles[0].dialect == "openai_chat"
    assert {"required", "named"} <= report.profiles[0].accepts.tool_choice


@pytest.mark.parametrize("tools", ["refused", "never"])
async def test_a_host_without_tool_calls_gets_them_by_prompt(tools: Any) -> None:
    """It was seen that a call comes so, and only then is it well."""
    report, findings, table = await examined(OddHost(Traits(tools=tools)))

    assert table["dialect"] == "prompted"
    assert findings["tools by prompt"].verdict == "yes"
    assert not any(each.is_problem for each in findings.values())
    assert report.stopped == ""


async def test_a_model_that_calls_in_no_way_is_not_said_to_work() -> None:
    """Taken tools that are never used, and no call by prompt: nothing is claimed or changed."""
    host = OddHost(Traits(tools="never", follows_prompt=False))

    report, findings, table = await examined(host)

    assert findings["tools"].is_problem
    assert findings["tools by prompt"].verdict == "unclear"
    assert "dialect" not in table
    assert report.profiles[0].dialect == "openai_chat"


async def test_a_host_that_learned_tools_gets_its_calls_back() -> None:
    """A profile with tools by prompt is examined for native calls."""
    report, _, table = await examined(OddHost(), provider={"dialect": "prompted"})

    assert table["dialect"] == "openai_chat"
    assert report.profiles[0].dialect == "openai_chat"


async def test_a_host_without_a_chat_gets_raw_completions() -> None:
    """For a model whose prompt is known."""
    host = OddHost(Traits(chat_path="/none", completions=True))

    report, findings, table = await examined(host)

    assert table == {"dialect": "completions"}
    assert findings["chat"].verdict == "no"
    assert findings["raw completions"].verdict == "yes"
    assert not any(each.is_problem for each in findings.values())
    assert report.requests == 2


@pytest.mark.parametrize("name", [MISTRAL, PLAIN])
async def test_a_host_with_nothing_at_its_address_is_a_problem(name: str) -> None:
    """The cure names the address and the id."""
    _, findings, table = await examined(OddHost(Traits(chat_path="/none")), name)

    assert findings["chat"].is_problem
    assert "--base-url" in findings["chat"].cure
    assert table == {}
    assert ("raw completions" in findings) == (name == MISTRAL)


async def test_an_address_without_its_last_part_is_completed() -> None:
    """A user often leaves out /v1."""
    host = OddHost()
    async with running(host) as url:
        resolved = resolve(url.removesuffix("/v1"))
        report = await examine(resolved, settings=QUICK)

    assert report.profiles[0].base_url == url
    assert report.stopped == ""
    assert all(each.verdict != "no" for each in judge(report.exam))
    table = changes((resolved.provider, resolved.model), report.profiles)
    assert table["base_url"] == url


async def test_the_other_name_of_the_token_limit_is_found() -> None:
    """Newer hosts know only the newer name."""
    host = OddHost(Traits(limit="max_completion_tokens"))

    report, findings, table = await examined(host)

    assert report.profiles[0].accepts.max_tokens_field == "max_completion_tokens"
    accepts = table["accepts"]
    assert isinstance(accepts, dict)
    assert accepts["max_tokens_field"] == "max_completion_tokens"
    assert findings["chat"].verdict == "yes"
    assert all("max_tokens" not in body for body in host.bodies[1:])


async def test_ids_are_described_and_taken_back() -> None:
    """A Mistral model has its ids rewritten anyway; that long ones fail is said."""
    host = OddHost(Traits(only_nine=True, id_length=30))

    _, findings, table = await examined(host)

    assert findings["ids it makes"].seen == "30 characters, other signs too"
    assert findings["results of calls"].verdict == "yes"
    assert findings["long ids"].verdict == "no"
    assert "models" not in table


async def test_a_model_that_needs_nine_characters_gets_the_rules_for_it() -> None:
    """Its name does not tell that it is of the family; its refusal does."""
    host = OddHost(Traits(only_nine=True))

    report, findings, table = await examined(host, PLAIN)

    assert report.profiles[1].rules == "mistral"
    assert table["models"] == {"qwen": {"id": "qwen", "rules": "mistral"}}
    assert findings["results of calls"].verdict == "yes"


LISTINGS = {
    "OpenRouter": (
        {
            "data": [
                {"id": "other/model", "context_length": 1},
                {
                    "id": "mixtral-8x22b",
                    "context_length": 65536,
                    "pricing": {"prompt": "0.000002", "completion": "0.000006"},
                    "supported_parameters": ["tools", "tool_choice"],
                    "top_provider": {"context_length": 60000},
                },
            ]
        },
        None,
    ),
    "Oxen": (
        {"object": "list", "data": [{"id": "mixtral-8x22b", "object": "model"}]},
        {
            "id": "mixtral-8x22b",
            "max_context_length": 60000,
            "json_request_schema": {"properties": {"max_tokens": {}, "tools": {}}},
        },
    ),
}


@pytest.mark.parametrize(("listing", "one"), LISTINGS.values(), ids=LISTINGS)
async def test_the_models_endpoint_tells_window_and_price(listing: Any, one: Any) -> None:
    """What the host says of itself comes before what the catalog has."""
    host = OddHost(Traits(listing=listing, one_model=one))

    report, findings, table = await examined(host)

    models = table["models"]
    assert isinstance(models, dict)
    assert models["mixtral-8x22b"]["context_window_tokens"] == 60000
    assert findings["context window"].seen == "60,000 tokens"
    assert "tools" in findings["model is listed"].seen
    if one is None:
        assert models["mixtral-8x22b"]["input_usd_per_million"] == "2"
        price = Decimal(report.usage.input_tokens * 2 + report.usage.output_tokens * 6)
        assert report.usage.cost_usd == price / 1_000_000


async def test_an_id_that_is_not_listed_is_named_with_those_that_are() -> None:
    """The host answers all the same; that is no problem."""
    listing = {"data": [{"id": "Mixtral-8x22B-v1"}, {"id": "gpt"}]}

    _, findings, _ = await examined(OddHost(Traits(listing=listing)))

    assert findings["model is listed"].verdict == "no"
    assert "'Mixtral-8x22B-v1'" in findings["model is listed"].seen
    assert findings["model is listed"].cure == ""


ENDS = {
    "a wrong key": ([as_json({"error": "bad key"}, status=401)], "401", "check the key"),
    "no credit": ([as_json({"error": "payment"}, status=402)], "payment", "add credit"),
    "a long wait": (
        [as_json({"error": "slow"}, status=429, headers={"retry-after": "900"})],
        "asks to wait 900 s",
        "",
    ),
    "no end of limits": (
        [as_json({"error": "slow"}, status=429, headers={"retry-after": "0"})] * 2,
        "slow",
        "try again later",
    ),
    "a broken connection": ([RawReply(then="reset")] * 9, "", "check the address"),
    "a failing server": ([as_json({"error": "down"}, status=503)] * 2, "down", "read what"),
}


@pytest.mark.parametrize(("replies", "why", "cure"), ENDS.values(), ids=ENDS)
async def test_an_exam_ends_where_nothing_more_can_be_seen(
    replies: list[Reply | RawReply], why: str, cure: str
) -> None:
    """It says why, changes nothing, and is not well."""
    report, findings, table = await examined(OddHost(instead=list(replies)))

    assert why in report.stopped
    assert report.stopped
    assert cure in findings["chat"].cure
    assert findings["chat"].is_problem
    assert table == {}
    # A connection that breaks may be opened anew below; what was answered was asked once.
    assert report.requests == min(len(replies), 2)


async def test_a_failure_that_passes_is_asked_again() -> None:
    """A limit that is soon lifted is waited for."""
    limited = as_json({"error": "slow"}, status=429, headers={"retry-after": "0"})
    host = OddHost(instead=[limited])

    report, findings, _ = await examined(host)

    assert report.stopped == ""
    assert findings["chat"].verdict == "yes"
    assert report.requests == 14
    assert report.exam.sightings["chat"].attempts == 2


async def test_there_is_an_end_of_requests() -> None:
    """Where each has to be sent twice, not all can be asked."""
    report, findings, _ = await examined(OddHost(Traits(fails_first=True)))

    assert report.requests == MAX_REQUESTS
    assert "which is the limit" in report.stopped
    assert findings["tools"].verdict == "yes"
    assert findings["unknown fields"].verdict in ("yes", "not asked")


async def test_a_models_endpoint_that_is_broken_tells_nothing() -> None:
    """The rest is asked all the same."""
    report, findings, _ = await examined(OddHost(Traits(lists_nothing=True)))

    assert findings["model is listed"].verdict == "unclear"
    assert report.stopped == ""


async def test_an_exam_that_ends_early_says_what_was_not_asked() -> None:
    """After tools were seen to work, the host goes away."""
    call = {"id": "a", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    answers = [
        as_json({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}),
        as_json({"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "stop"}]}),
    ]
    gone = as_json({"error": "slow down"}, status=429, headers={"retry-after": "900"})

    report, findings, _ = await examined(OddHost(instead=[*answers, gone]))

    assert "900 s" in report.stopped
    assert findings["tools"].verdict == "yes"
    for question in ("parallel calls", "tool_choice auto", "tool_choice named", "unknown fields"):
        assert findings[question].verdict == "not asked"


async def test_a_limit_in_the_headers_ends_the_exam_before_the_next_request() -> None:
    """The host need not refuse first."""
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "5m"}
    host = OddHost(instead=[as_json({"choices": [choice]}, headers=headers)])

    report, findings, _ = await examined(host)

    assert "limit is lifted in" in report.stopped
    assert report.requests == 1
    assert findings["tools"].verdict == "not asked"
    assert findings["form of errors"].verdict == "not asked"
    assert not report.is_usage_whole


async def test_a_host_that_never_answers_is_given_up() -> None:
    """Each wait is bounded."""
    host = OddHost(instead=[RawReply(then="stall")] * 2)
    settings = ExamSettings(probe_seconds=0.2, pause_seconds=0.0)

    report, findings, _ = await examined(host, settings=settings)

    assert "does not answer" in report.stopped
    assert "check the address" in findings["chat"].cure


async def test_probes_that_fail_are_unclear_and_two_in_a_row_are_the_end() -> None:
    """One failure changes nothing; the profile keeps what it had."""
    host = OddHost()
    report, _, _ = await examined(host)
    before = report.requests
    tail = [as_json({"error": "down"}, status=503)] * 4
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    broken = OddHost(instead=[as_json({"choices": [choice]}), *tail])

    report, findings, table = await examined(broken)

    assert "does not answer" in report.stopped
    assert report.requests == 5 < before
    assert findings["tools"].verdict == "unclear"
    assert findings["tools"].is_problem
    assert table == {}


@pytest.mark.parametrize(
    ("price", "most", "requests"),
    [("0.5", Decimal("0.01"), 13), ("2000", Decimal("0.01"), 0), ("2000", Decimal(20), 13)],
    ids=["cheap", "too dear", "allowed"],
)
async def test_an_exam_does_not_cost_more_than_it_may(
    price: str, most: Decimal, requests: int
) -> None:
    """The worst case of the next request counts, not its likely cost."""
    one = str(Decimal(price) / 1_000_000)
    listing = {"data": [{"id": "mixtral-8x22b", "pricing": {"prompt": one, "completion": one}}]}
    settings = ExamSettings(probe_seconds=2.0, pause_seconds=0.0, max_cost_usd=most)

    report, findings, _ = await examined(OddHost(Traits(listing=listing)), settings=settings)

    assert report.requests == requests
    assert ("above" in report.stopped) == (requests == 0)
    assert (findings["chat"].verdict == "not asked") == (requests == 0)
    if requests:
        assert report.usage.cost_usd is not None
        assert report.usage.cost_usd <= most


async def test_a_host_that_names_no_usage_is_not_said_to_be_free() -> None:
    """The figure is marked as not whole."""
    report, _, _ = await examined(OddHost(Traits(has_usage=False, usage="never")))

    assert not report.is_usage_whole
    assert report.usage.cost_usd is None


async def test_a_host_that_answers_nonsense_has_no_form_of_errors() -> None:
    """What is no request is answered there; nothing can be said of refusals."""
    _, findings, _ = await examined(OddHost(Traits(checks_messages=False)))

    assert findings["form of errors"].verdict == "unclear"


async def test_formats_that_are_refused_are_said_to_be() -> None:
    """It is information; nothing follows for the profile."""
    report, findings, _ = await examined(OddHost(Traits(formats=False)))

    assert findings["response_format json_object"].verdict == "no"
    assert findings["response_format json_schema"].verdict == "no"
    assert report.stopped == ""


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Sunny in {city}."


FAILING_RUNS = {
    "tools that are refused in no clear words": (
        Traits(tools="refused", refusal="Bad Request"),
        MISTRAL,
        ModelSettings(),
        "prompted",
    ),
    "the limit's name": (
        Traits(limit="max_completion_tokens"),
        MISTRAL,
        ModelSettings(max_tokens=50),
        "openai_chat",
    ),
}


@pytest.mark.parametrize(
    ("traits", "name", "settings", "dialect"), FAILING_RUNS.values(), ids=FAILING_RUNS
)
async def test_a_profile_that_doctor_wrote_makes_a_run_work_that_failed(
    traits: Traits, name: str, settings: ModelSettings, dialect: str, tmp_path: Path
) -> None:
    """The whole way: fail, examine, write, read, run."""
    path = tmp_path / "catalog.toml"
    environ = {"AGENTKIT_CATALOG": str(path)}
    async with AsyncExitStack() as stack:
        stack.enter_context(anyio.fail_after(20))
        url = await stack.enter_async_context(running(OddHost(traits)))
        resolved = resolve(url, name)

        async def run(of: ResolvedModel) -> str:
            model = HostModel(of, dialects=DIALECTS)
            agent = Agent(model, tools=[weather], settings=settings)
            result = await agent.run("What is the weather in Oslo?")
            return result.output

        with pytest.raises((ProviderError, UnsupportedError)):
            await run(resolved)
        report = await examine(resolved, settings=QUICK)
        table = changes((read_catalog({})[resolved.provider.name], resolved.model), report.profiles)
        save_catalog(path, edit_catalog(path, host=resolved.provider.name, table=table))
        again = resolve_model(name, environ=environ)
        answer = await run(again)

    assert answer == "Hello"
    assert again.provider.dialect == dialect
    assert again.model == report.profiles[1]
    assert again.provider.accepts == report.profiles[0].accepts
    assert again.provider.base_url == url


async def test_the_anthropic_form_is_examined_in_its_own_words() -> None:
    """Choices are objects there, and only what the form has is asked."""
    seen: list[dict[str, Any]] = []

    class Host(OddHost):
        async def answer(self, request: Any) -> Reply:
            self.requests.append(request)
            if request.method == "GET":
                data = [{"id": "mixtral-8x22b", "max_input_tokens": 5000, "type": "model"}]
                return as_json({"data": data, "has_more": False})
            assert request.path.endswith("/v1/messages")
            body = json.loads(request.body)
            seen.append(body)
            return _anthropic(body)

    report, findings, _ = await examined(Host(), provider={"dialect": "anthropic_messages"})

    assert report.stopped == ""
    assert report.profiles[0].dialect == "anthropic_messages"
    assert report.profiles[1].context_window_tokens == 5000
    assert [body["tool_choice"] for body in seen if "tool_choice" in body] == [
        {"type": "auto", "disable_parallel_tool_use": False},
        {"type": "any"},
        {"type": "tool", "name": "clock"},
        {"type": "none"},
    ]
    assert not any("response_format" in body or "stream_options" in body for body in seen)
    assert findings["tools"].verdict == "yes"
    assert findings["tool_choice named"].verdict == "yes"
    assert "usage in a stream" not in findings


def _anthropic(body: dict[str, Any]) -> Reply:
    """Answer as that form does."""
    if not isinstance(body["messages"], list):
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
        return as_json(error, status=400)
    choice = body.get("tool_choice", {})
    wants = "tools" in body and choice.get("type") != "none"
    has_result = "tool_result" in str(body["messages"])
    blocks: list[dict[str, Any]] = [{"type": "text", "text": "Hello"}]
    if wants and not has_result:
        name = choice.get("name", "weather")
        blocks = [{"type": "tool_use", "id": "toolu_01", "name": name, "input": {"city": "Oslo"}}]
    return as_json(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "content": blocks,
            "stop_reason": "tool_use" if wants and not has_result else "end_turn",
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }
    )


async def test_nothing_is_left_when_an_exam_is_cancelled() -> None:
    """Ctrl-C cancels it in the middle of a request."""
    host = OddHost(instead=[RawReply(then="stall")])
    async with running(host) as url:
        with anyio.move_on_after(0.2) as scope:
            await examine(resolve(url), settings=QUICK)

    assert scope.cancelled_caught


async def test_a_sandbox_at_an_address_is_examined_as_a_stranger() -> None:
    """Another host's name for it changes what is sent, not what is found."""
    with anyio.fail_after(10):
        async with sandbox() as running_sandbox:
            report = await examine(resolve(running_sandbox.base_url), settings=QUICK)

    provider, model = report.profiles
    assert provider.accepts.is_strict
    assert provider.accepts.stream_usage == "always"
    assert model == ModelProfile(
        family="mixtral-8x22b", id="mixtral-8x22b", rules="mistral", context_window_tokens=65536
    )
