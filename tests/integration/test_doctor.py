"""Providers that support different parts of the API, probed over real sockets."""

import anyio
import pytest

from agentkit.config.load import resolve_model
from agentkit.config.profile import Accepts
from agentkit.doctor.run_probes import diagnose
from tests.integration.doctor_run import QUICK, diagnosed
from tests.integration.doctor_server import OddProvider, Traits


async def test_a_provider_that_supports_everything_gets_few_changes() -> None:
    """The profile holds what was observed; twelve requests are enough."""
    server = OddProvider(Traits(usage="stream_options"))

    report, findings, table = await diagnosed(server, provider={"accepts": Accepts()})

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
        "ids of calls": "yes",
        "results of calls": "yes",
        "long ids": "yes",
        "unknown fields": "yes",
        "response_format json_schema": "yes",
        "response_format json_object": "yes",
        "error format": "yes",
    }
    assert not any(each.is_problem for each in findings.values())
    assert report.stopped == ""
    assert report.requests == 13
    assert table == {}
    assert all(body.get("max_tokens", 64) <= 64 for body in server.bodies)


async def test_the_sandbox_matches_its_profile() -> None:
    """A correct profile stays as it is; a launched provider can be probed too."""
    resolved = resolve_model("sandbox:mixtral-8x22b", environ={})

    with anyio.fail_after(60):
        report = await diagnose(resolved, settings=QUICK)

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
    "taken and not respected": (Traits(respects=frozenset()), ["auto"]),
    "named is read as auto": (
        Traits(respects=frozenset({"auto", "required", "any", "none"})),
        ["auto", "required", "none"],
    ),
    "a server that fails": (
        Traits(takes=frozenset({"auto", "none"}), choice_status=500),
        ["auto", "none"],
    ),
}


@pytest.mark.parametrize(("traits", "choices"), CHOICES.values(), ids=CHOICES)
async def test_each_value_of_tool_choice_gets_its_own_verdict(
    traits: Traits, choices: list[str]
) -> None:
    """A value that is rejected or ignored is no longer sent."""
    server = OddProvider(traits)

    report, findings, _ = await diagnosed(server)

    asked = {body.get("tool_choice") for body in server.bodies if "any" in str(body)} - {None}
    expected = set(choices) | ({"any"} - asked if "any" not in choices else set())
    assert set(report.profiles[0].accepts.tool_choice) - {"any"} == expected - {"any"}
    assert ("any" in report.profiles[0].accepts.tool_choice) == ("any" in choices)
    for choice in ("auto", "required", "none", "named"):
        assert (findings[f"tool_choice {choice}"].verdict == "yes") == (choice in choices)
    assert findings["tools"].verdict == "yes"


async def test_a_second_probe_decides_which_of_two_fields_was_rejected() -> None:
    """`auto` and `parallel_tool_calls` are sent together first, to save a request."""
    server = OddProvider(Traits(parallel=False))

    report, findings, _ = await diagnosed(server, provider={"accepts": Accepts()})

    accepts = report.profiles[0].accepts
    assert not accepts.parallel_tool_calls
    assert "auto" in accepts.tool_choice
    assert findings["parallel calls"].verdict == "no"
    assert "parallel_tool_calls" in findings["parallel calls"].seen


@pytest.mark.parametrize("most_calls", [1, 0], ids=["one call", "no call"])
async def test_parallel_calls_are_not_claimed_without_evidence(most_calls: int) -> None:
    """The field is accepted; whether it has an effect stays open, and so does the profile."""
    traits = Traits(most_calls=most_calls or 1, tools="native" if most_calls else "never")

    report, findings, _ = await diagnosed(OddProvider(traits))

    assert findings["parallel calls"].verdict == "unclear"
    assert report.profiles[0].accepts.parallel_tool_calls == (
        report.diagnosis.provider.accepts.parallel_tool_calls
    )
