"""Requests, streams and money of a token have limits."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from agentkit import Agent
from agentkit.service import Caller, ServiceError, TokenLimits, build_service
from agentkit.service.caller_limits import CallerLimits
from agentkit.service.service import Service
from agentkit.service.spending import Charge, MemoryLedger, Spending, StoredLedger
from agentkit.store.base import StoreUnavailableError
from agentkit.store.open_store import open_store
from agentkit.testing import ManualClock
from agentkit.usage import Usage
from tests.service.rule_model import RuleModel

CHAT = "/v1/chat/completions"
BODY = {"model": "a", "messages": [{"role": "user", "content": "hi"}]}


class OneToken:
    """Lets everyone in as one caller."""

    def __init__(self, **limits: Any) -> None:
        self.caller = Caller(tenant="acme", limits=TokenLimits(**limits))

    async def find(self, token: str) -> Caller | None:  # noqa: ARG002  # of the protocol
        """Return the caller."""
        return self.caller


async def post(service: Service, count: int, **fields: Any) -> list[httpx.Response]:
    """Send requests at once, and return the answers in the order of their ends."""
    answers: list[httpx.Response] = []
    transport = httpx.ASGITransport(app=service)
    async with (
        service.open(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        anyio.create_task_group() as tasks,
    ):

        async def ask() -> None:
            answers.append(await client.post(CHAT, json={**BODY, **fields}))

        for _ in range(count):
            tasks.start_soon(ask)
    return answers


async def test_requests_of_a_minute_are_limited() -> None:
    """The refusal says when to come again; each answer reports the limit."""
    service = build_service({"a": Agent(RuleModel())}, auth=OneToken(requests_per_minute=2))

    answers = await post(service, 5)

    good = [one for one in answers if one.status_code == 200]
    bad = [one for one in answers if one.status_code == 429]
    assert (len(good), len(bad)) == (2, 3)
    assert {one.headers["x-ratelimit-limit-requests"] for one in answers} == {"2"}
    assert all(0 < int(one.headers["retry-after"]) <= 30 for one in bad)
    assert bad[0].json()["error"]["type"] == "rate_limit_error"


def test_room_for_requests_grows_back() -> None:
    """Evenly over a minute."""
    clock = ManualClock()
    limits = CallerLimits(max_streams=1, now=clock.monotonic)
    caller = Caller(limits=TokenLimits(requests_per_minute=2))

    limits.take_request(caller)
    assert limits.take_request(caller)["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(ServiceError):
        limits.take_request(caller)
    clock.advance(30)
    limits.take_request(caller)
    with pytest.raises(ServiceError):
        limits.take_request(caller)


def test_requests_at_the_same_time_are_limited() -> None:
    """For one caller, and for all."""
    limits = CallerLimits(max_streams=2, now=ManualClock().monotonic)
    one, other = Caller(limits=TokenLimits(streams=1)), Caller()

    with limits.running_request(one):
        with pytest.raises(ServiceError) as refused, limits.running_request(one):
            pass
        assert refused.value.status == 429
        with limits.running_request(other):
            with pytest.raises(ServiceError) as full, limits.running_request(other):
                pass
            assert full.value.status == 503
            assert full.value.headers["retry-after"]
    assert limits.running == 0
    with limits.running_request(one):
        assert limits.running == 1


@pytest.mark.parametrize("kind", ["memory", "database"])
async def test_money_for_one_pays_for_one_of_fifty_at_once(kind: str, tmp_path: Path) -> None:
    """The others are refused before their runs."""
    model = RuleModel()
    auth = OneToken(cost_usd_per_day=Decimal("0.05"), cost_usd_per_request=Decimal("0.04"))
    database = f"sqlite:{tmp_path / 'a.db'}" if kind == "database" else None
    service = build_service({"a": Agent(model)}, auth=auth, database=database)

    answers = await post(service, 50)

    statuses = sorted(one.status_code for one in answers)
    # What the first did not use is free again for another one, which comes after it.
    spent = len(model.requests) * Decimal("0.01")
    assert statuses.count(200) == len(model.requests)
    assert set(statuses) == {200, 429}
    assert spent <= Decimal("0.05")
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.json()["error"]["code"] == "insufficient_quota"


async def test_a_run_cannot_cost_more_than_was_reserved() -> None:
    """The reservation is its budget."""
    model = RuleModel()
    auth = OneToken(cost_usd_per_day=Decimal("0.0002"))
    service = build_service({"a": Agent(model)}, auth=auth)

    [answer] = await post(service, 1)

    assert model.requests == []
    assert answer.json()["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("kind", ["memory", "sqlite_url", "postgres_url"])
async def test_what_was_used_is_charged(kind: str, request: pytest.FixtureRequest) -> None:
    """A run that was cut off costs what was reserved; the next day is a new one."""
    clock = ManualClock(datetime(2026, 1, 1, 23, 59, tzinfo=UTC))
    limits = TokenLimits(cost_usd_per_day=Decimal(1), cost_usd_per_request=Decimal("0.4"))
    caller = Caller(tenant="acme", limits=limits)
    if kind == "memory":
        await check_charges(Spending(MemoryLedger(), clock=clock), caller, clock)
        return
    async with open_store(request.getfixturevalue(kind)) as store:
        await check_charges(Spending(StoredLedger(store), clock=clock), caller, clock)
        rows = await store.run(
            "SELECT day, requests, cost_microusd, reserved_microusd FROM ak_usage"
        )
    assert sorted(rows) == [("2026-01-01", 3, 500_000, 0), ("2026-01-02", 1, 0, 0)]


async def check_charges(spending: Spending, caller: Caller, clock: ManualClock) -> None:
    """Spend 0.1 and 0.4 of 1.0, so that 0.4 is left once and not twice."""
    async with spending.reserved(caller) as money:
        assert money.budget is not None
        assert money.budget.cost_usd == Decimal("0.4")
        money.spend(Usage(cost_usd=Decimal("0.1"), input_tokens=3))
    with pytest.raises(KeyError):
        async with spending.reserved(caller):
            raise KeyError
    async with spending.reserved(caller) as money:
        with pytest.raises(ServiceError):
            async with spending.reserved(caller):
                pass
        clock.advance(3600)
        async with spending.reserved(caller) as other:
            other.spend(Usage())
        money.spend(Usage())


async def test_without_limits_nothing_is_reserved() -> None:
    """And the run has the budget of its agent."""
    async with Spending(MemoryLedger(), clock=ManualClock()).reserved(Caller()) as money:
        assert money.budget is None


class CountingLedger(MemoryLedger):
    """Keeps what it is charged."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.charges: list[tuple[str, str, Charge]] = []
        self.fails = fails

    async def charge(self, tenant: str, day: str, charge: Charge) -> None:
        """See `Ledger`."""
        if self.fails:
            raise StoreUnavailableError("It is away.")
        self.charges.append((tenant, day, charge))


async def test_what_is_used_without_a_limit_is_written_together() -> None:
    """Once for each tenant and day; what could not be written is kept."""
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    ledger = CountingLedger(fails=True)
    spending = Spending(ledger, clock=clock)
    for tenant in ("a", "b", "a"):
        async with spending.reserved(Caller(tenant=tenant)) as money:
            money.spend(Usage(cost_usd=Decimal("0.5"), input_tokens=3))
    await spending.flush()
    ledger.fails = False

    await spending.flush()
    await spending.flush()

    day = "2026-01-01"
    usage = Usage(cost_usd=Decimal("0.5"), input_tokens=3)
    once = Charge(cost=500_000, usage=usage)
    assert sorted(ledger.charges, key=lambda one: one[0]) == [
        ("a", day, once + once),
        ("b", day, once),
    ]
    assert (once + once).requests == 2


async def test_usage_without_a_limit_is_in_the_database(tmp_path: Path) -> None:
    """At the latest when the service is closed."""
    url = f"sqlite:{tmp_path / 'a.db'}"
    service = build_service({"a": Agent(RuleModel())}, database=url)

    await post(service, 3)

    async with open_store(url) as store:
        rows = await store.run("SELECT requests, input_tokens, cost_microusd FROM ak_usage")
    assert rows == [(3, 90, 30_000)]
