"""When a diagnosis ends, what it costs, and what it does not claim."""

from decimal import Decimal

import pytest

from agentkit.doctor.probe_plan import MAX_REQUESTS
from agentkit.doctor.run_probes import ProbeSettings
from agentkit.sandbox.http_server import RawReply, Reply
from tests.integration.doctor_run import diagnosed
from tests.integration.doctor_server import OddProvider, Traits, as_json

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
    "a failing server": (
        [as_json({"error": "down"}, status=503)] * 2,
        "down",
        "the provider's message",
    ),
}


@pytest.mark.parametrize(("replies", "why", "advice"), ENDS.values(), ids=ENDS)
async def test_a_diagnosis_ends_early_if_no_further_probe_can_succeed(
    replies: list[Reply | RawReply], why: str, advice: str
) -> None:
    """It reports the reason, changes nothing, and reports a problem."""
    report, findings, table = await diagnosed(OddProvider(instead=list(replies)))

    assert why in report.stopped
    assert report.stopped
    assert advice in findings["chat"].advice
    assert findings["chat"].is_problem
    assert table == {}
    # A connection that breaks may be opened anew below; what was answered was asked once.
    assert report.requests == min(len(replies), 2)


async def test_a_temporary_failure_is_retried() -> None:
    """A short rate limit is waited for."""
    limited = as_json({"error": "slow"}, status=429, headers={"retry-after": "0"})
    server = OddProvider(instead=[limited])

    report, findings, _ = await diagnosed(server)

    assert report.stopped == ""
    assert findings["chat"].verdict == "yes"
    assert report.requests == 14
    assert report.diagnosis.results["chat"].attempts == 2


async def test_the_number_of_requests_is_limited() -> None:
    """If every probe needs a retry, not all of them are sent."""
    report, findings, _ = await diagnosed(OddProvider(Traits(fails_first=True)))

    assert report.requests == MAX_REQUESTS
    assert "limit of 20 requests" in report.stopped
    assert findings["tools"].verdict == "yes"
    assert findings["unknown fields"].verdict in ("yes", "not asked")


async def test_a_broken_models_endpoint_is_unclear() -> None:
    """The other probes are sent anyway."""
    report, findings, _ = await diagnosed(OddProvider(Traits(lists_nothing=True)))

    assert findings["model is listed"].verdict == "unclear"
    assert report.stopped == ""


async def test_a_diagnosis_that_ends_early_reports_what_was_not_asked() -> None:
    """The provider fails after tools were seen to work."""
    call = {"id": "a", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    answers = [
        as_json({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}),
        as_json({"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "stop"}]}),
    ]
    gone = as_json({"error": "slow down"}, status=429, headers={"retry-after": "900"})

    report, findings, _ = await diagnosed(OddProvider(instead=[*answers, gone]))

    assert "900 s" in report.stopped
    assert findings["tools"].verdict == "yes"
    for question in ("parallel calls", "tool_choice auto", "tool_choice named", "unknown fields"):
        assert findings[question].verdict == "not asked"


async def test_a_rate_limit_in_the_headers_ends_the_diagnosis_before_the_next_request() -> None:
    """Even if no request was rejected yet."""
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "5m"}
    server = OddProvider(instead=[as_json({"choices": [choice]}, headers=headers)])

    report, findings, _ = await diagnosed(server)

    assert "rate limit resets in" in report.stopped
    assert report.requests == 1
    assert findings["tools"].verdict == "not asked"
    assert findings["error format"].verdict == "not asked"
    assert not report.is_usage_complete


async def test_a_provider_that_never_responds_ends_the_diagnosis() -> None:
    """Each wait is bounded."""
    server = OddProvider(instead=[RawReply(then="stall")] * 2)
    settings = ProbeSettings(probe_seconds=0.2, pause_seconds=0.0)

    report, findings, _ = await diagnosed(server, settings=settings)

    assert "does not answer" in report.stopped
    assert "check the address" in findings["chat"].advice


async def test_failed_probes_are_unclear_and_two_in_a_row_end_the_diagnosis() -> None:
    """A failure changes nothing in the profile."""
    server = OddProvider()
    report, _, _ = await diagnosed(server)
    before = report.requests
    tail = [as_json({"error": "down"}, status=503)] * 4
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    broken = OddProvider(instead=[as_json({"choices": [choice]}), *tail])

    report, findings, table = await diagnosed(broken)

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
async def test_a_diagnosis_stays_below_its_cost_limit(
    price: str, most: Decimal, requests: int
) -> None:
    """The worst case of the next request counts, not its likely cost."""
    one = str(Decimal(price) / 1_000_000)
    listing = {"data": [{"id": "mixtral-8x22b", "pricing": {"prompt": one, "completion": one}}]}
    settings = ProbeSettings(probe_seconds=2.0, pause_seconds=0.0, max_cost_usd=most)

    report, findings, _ = await diagnosed(OddProvider(Traits(listing=listing)), settings=settings)

    assert report.requests == requests
    assert ("above" in report.stopped) == (requests == 0)
    assert (findings["chat"].verdict == "not asked") == (requests == 0)
    if requests:
        assert report.usage.cost_usd is not None
        assert report.usage.cost_usd <= most


async def test_missing_usage_is_not_reported_as_free() -> None:
    """The total is marked as incomplete."""
    report, _, _ = await diagnosed(OddProvider(Traits(has_usage=False, usage="never")))

    assert not report.is_usage_complete
    assert report.usage.cost_usd is None


async def test_a_provider_that_accepts_malformed_requests_has_an_unclear_error_format() -> None:
    """It never returned an error."""
    _, findings, _ = await diagnosed(OddProvider(Traits(checks_messages=False)))

    assert findings["error format"].verdict == "unclear"


async def test_rejected_response_formats_are_reported() -> None:
    """For information only; the profile does not change."""
    report, findings, _ = await diagnosed(OddProvider(Traits(formats=False)))

    assert findings["response_format json_object"].verdict == "no"
    assert findings["response_format json_schema"].verdict == "no"
    assert report.stopped == ""
