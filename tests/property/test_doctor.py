"""Any responses: a diagnosis ends, claims only what it saw, and gives a usable profile."""

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.chat import ModelResponse, Repair
from agentkit.config.catalog import load_catalog
from agentkit.config.load import resolve_model
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.config.user_catalog import edit_catalog, save_catalog
from agentkit.doctor.diagnosis import Diagnosis, observed_profiles
from agentkit.doctor.findings import find_all
from agentkit.doctor.model_list import read_listing
from agentkit.doctor.probe import ProbeName, ProbeResult
from agentkit.doctor.probe_plan import MAX_REQUESTS, next_probe
from agentkit.doctor.probe_request import MAX_TOKENS, build_probe
from agentkit.doctor.probe_response import read_answer
from agentkit.doctor.profile_diff import changed_table, full_table
from agentkit.errors import StatusError
from agentkit.message import AssistantMessage, ToolCall
from agentkit.wire import WireHead

ANSWERS = st.sampled_from(
    [
        "text",
        "weather",
        "clock",
        "two",
        "text call",
        "refused",
        "missing",
        "limit",
        "failed",
        "lost",
    ]
)
PROVIDERS = st.builds(
    ProviderProfile,
    name=st.just("h"),
    title=st.just("H"),
    base_url=st.sampled_from(["http://h", "http://h/v1"]),
    dialect=st.sampled_from(["openai_chat", "anthropic_messages", "completions", "prompted"]),
    accepts=st.builds(
        Accepts,
        tool_choice=st.frozensets(st.sampled_from(["auto", "required", "any", "none", "named"])),
        stream_usage=st.sampled_from(["stream_options", "usage_include", "always", "never"]),
        max_tokens_field=st.sampled_from(["max_tokens", "max_completion_tokens"]),
        seed_field=st.sampled_from(["seed", None]),
    ),
)
MODELS = st.builds(
    ModelProfile,
    family=st.just("m"),
    id=st.just("m"),
    rules=st.sampled_from(["mistral", "plain"]),
)


def result(name: ProbeName, answer: str, *, has_usage: bool) -> ProbeResult:
    """Return the result of a probe for such a response."""
    status = {"refused": 400, "missing": 404, "limit": 400, "failed": 500}.get(answer)
    if status is not None or answer == "lost":
        error = StatusError(
            "max_tokens is not supported" if answer == "limit" else "no",
            kind="server" if answer in ("failed", "lost") else "invalid_request",
            retry="same" if answer in ("failed", "lost") else "change",
            status=status,
        )
        return ProbeResult(
            name=name, status=status, error=error, attempts=2, error_form="{error}" * (not status)
        )
    called = {"weather": ("weather",), "clock": ("clock",), "two": ("weather",) * 2}.get(answer, ())
    call = ToolCall(id="a", name="weather")
    message = (
        AssistantMessage(tool_calls=[call]) if answer == "text call" else AssistantMessage("hi")
    )
    repairs = (Repair(kind="text_call", before="", after=""),) if answer == "text call" else ()
    return ProbeResult(
        name=name,
        status=200,
        response=ModelResponse(message=message, finish_reason="stop", repairs=repairs),
        call_ids=tuple(f"id{i}" for i in range(len(called))),
        call_names=called,
        has_usage=has_usage,
    )


@settings(max_examples=200)
@given(provider=PROVIDERS, model=MODELS, data=st.data())
def test_every_diagnosis_ends_with_findings_and_a_profile_that_can_be_written(
    provider: ProviderProfile, model: ModelProfile, data: st.DataObject
) -> None:
    """Each probe is sent once; a written profile is read back unchanged."""
    diagnosis = Diagnosis(provider=provider, model=model)
    while (name := next_probe(diagnosis)) is not None:
        probe = build_probe(name, diagnosis)
        assert probe.name == name
        assert probe.encoded.wire.path.startswith("/")
        diagnosis = diagnosis.add(
            result(name, data.draw(ANSWERS), has_usage=data.draw(st.booleans()))
        )
        assert len(diagnosis.results) <= MAX_REQUESTS

    questions = [finding.question for finding in find_all(diagnosis)]
    after = observed_profiles(diagnosis)

    assert len(questions) == len(set(questions))
    assert observed_profiles(diagnosis) == after
    with TemporaryDirectory() as folder:
        path = Path(folder) / "c.toml"
        save_catalog(
            path, edit_catalog(path, provider="h", table=full_table((provider, model), title="H"))
        )
        table = changed_table((provider, model), after)
        if table:
            save_catalog(path, edit_catalog(path, provider="h", table=table))
        found = load_catalog(path)["h"]
    assert (found.dialect, found.accepts, found.base_url) == (
        after[0].dialect,
        after[0].accepts,
        after[0].base_url,
    )
    assert found.models == (after[1],)


@settings(max_examples=50)
@given(provider=PROVIDERS, model=MODELS, first=st.sampled_from(["lost", "text"]))
def test_a_profile_does_not_change_without_a_clear_result(
    provider: ProviderProfile, model: ModelProfile, first: str
) -> None:
    """Nothing is concluded from missing responses."""
    diagnosis = Diagnosis(provider=provider, model=model)
    while (name := next_probe(diagnosis)) is not None:
        answer = first if name == "chat" else "lost"
        diagnosis = diagnosis.add(result(name, answer, has_usage=False))

    assert observed_profiles(diagnosis) == (provider, model)
    assert any(finding.is_problem for finding in find_all(diagnosis))


@settings(max_examples=100)
@given(body=st.binary(max_size=200), status=st.sampled_from([200, 400, 500]))
def test_decoding_never_raises(body: bytes, status: int) -> None:
    """For any bytes."""
    resolved = resolve_model("openai-compatible:m", environ={}, base_url="http://h/v1")
    probe = build_probe("tools", Diagnosis(provider=resolved.provider, model=resolved.model))

    seen = read_answer(probe, WireHead(status=status), body)

    assert (seen.error is None) == (seen.response is not None)
    listing = read_listing(body, model_id="m", path="/models")
    assert listing is None or listing.path == "/models"


@settings(max_examples=50)
@given(model=MODELS, data=st.data())
def test_a_diagnosis_without_failures_costs_less_than_a_cent_at_two_and_six_dollars(
    model: ModelProfile, data: st.DataObject
) -> None:
    """At the price of Mixtral 8x22B, with every answer as long as its limit."""
    resolved = resolve_model("openai-compatible:m", environ={}, base_url="http://h/v1")
    diagnosis = Diagnosis(provider=resolved.provider, model=model)
    cost = Decimal(0)
    while (name := next_probe(diagnosis)) is not None:
        sent = len(build_probe(name, diagnosis).encoded.wire.body) // 4
        cost += Decimal(sent * 2 + MAX_TOKENS * 6) / 1_000_000
        answer = {"named": "clock", "none": "text", "chat": "text"}.get(name, "weather")
        form = "refused" if name == "unknown_field" and data.draw(st.booleans()) else answer
        diagnosis = diagnosis.add(result(name, form, has_usage=True))

    assert len(diagnosis.results) <= 13
    assert cost < Decimal("0.01")
