"""Where a diagnosis ends, what it costs, and what it does not claim."""

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
    "a failing server": ([as_json({"error": "down"}, status=503)] * 2, "down", "read what"),
}


@pytest.mark.parametrize(("replies", "why", "advice"), ENDS.values(), ids=ENDS)
async def test_an_exam_ends_where_nothing_more_can_be_seen(
    replies: list[Reply | RawReply], why: str, advice: str
) -> None:
    """It says why, changes nothing, and is not well."""
    report, findings, table = await diagnosed(OddProvider(instead=list(replies)))

    assert why in report.stopped
    assert report.stopped
    assert advice in findings["chat"].advice
    assert findings["chat"].is_problem
    assert table == {}
    # A connection that breaks may be opened anew below; what was answered was asked once.
    assert report.requests == min(len(replies), 2)


async def test_a_failure_that_passes_is_asked_again() -> None:
    """A limit that is soon lifted is waited for."""
    limited = as_json({"error": "slow"}, status=429, headers={"retry-after": "0"})
    host = OddProvider(instead=[limited])

    report, findings, _ = await diagnosed(host)

    assert report.stopped == ""
    assert findings["chat"].verdict == "yes"
    assert report.requests == 14
    assert report.diagnosis.results["chat"].attempts == 2


async def test_there_is_an_end_of_requests() -> None:
    """Where each has to be sent twice, not all can be asked."""
    report, findings, _ = await diagnosed(OddProvider(Traits(fails_first=True)))

    assert report.requests == MAX_REQUESTS
    assert "which is the limit" in report.stopped
    assert findings["tools"].verdict == "yes"
    assert findings["unknown fields"].verdict in ("yes", "not asked")


async def test_a_models_endpoint_that_is_broken_tells_nothing() -> None:
    """The rest is asked all the same."""
    report, findings, _ = await diagnosed(OddProvider(Traits(lists_nothing=True)))

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

    report, findings, _ = await diagnosed(OddProvider(instead=[*answers, gone]))

    assert "900 s" in report.stopped
    assert findings["tools"].verdict == "yes"
    for question in ("parallel calls", "tool_choice auto", "tool_choice named", "unknown fields"):
        assert findings[question].verdict == "not asked"


async def test_a_limit_in_the_headers_ends_the_exam_before_the_next_request() -> None:
    """The host need not refuse first."""
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "5m"}
    host = OddProvider(instead=[as_json({"choices": [choice]}, headers=headers)])

    report, findings, _ = await diagnosed(host)

    assert "limit is lifted in" in report.stopped
    assert report.requests == 1
    assert findings["tools"].verdict == "not asked"
    assert findings["form of errors"].verdict == "not asked"
    assert not report.is_usage_complete


async def test_a_host_that_never_answers_is_given_up() -> None:
    """Each wait is bounded."""
    host = OddProvider(instead=[RawReply(then="stall")] * 2)
    settings = ProbeSettings(probe_seconds=0.2, pause_seconds=0.0)

    report, findings, _ = await diagnosed(host, settings=settings)

    assert "does not answer" in report.stopped
    assert "check the address" in findings["chat"].advice


async def test_probes_that_fail_are_unclear_and_two_in_a_row_are_the_end() -> None:
    """One failure changes nothing; the profile keeps what it had."""
    host = OddProvider()
    report, _, _ = await diagnosed(host)
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
async def test_an_exam_does_not_cost_more_than_it_may(
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


async def test_a_host_that_names_no_usage_is_not_said_to_be_free() -> None:
    """The figure is marked as not whole."""
    report, _, _ = await diagnosed(OddProvider(Traits(has_usage=False, usage="never")))

    assert not report.is_usage_complete
    assert report.usage.cost_usd is None


async def test_a_host_that_answers_nonsense_has_no_form_of_errors() -> None:
    """What is no request is answered there; nothing can be said of refusals."""
    _, findings, _ = await diagnosed(OddProvider(Traits(checks_messages=False)))

    assert findings["form of errors"].verdict == "unclear"


async def test_formats_that_are_refused_are_said_to_be() -> None:
    """It is information; nothing follows for the profile."""
    report, findings, _ = await diagnosed(OddProvider(Traits(formats=False)))

    assert findings["response_format json_object"].verdict == "no"
    assert findings["response_format json_schema"].verdict == "no"
    assert report.stopped == ""
