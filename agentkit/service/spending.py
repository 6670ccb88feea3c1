"""Money of tenants: reserved before a run, charged after it.

In:  callers with a limit of money for a day.
Out: `Reservation`s; a `ServiceError` once the day's money is spent or reserved.

A reservation is one statement that holds only while there is money, so that of many requests at
once no more begin than can be paid for. What callers without a limit use is written once a second
for all of them: nothing waits for it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field
from decimal import Decimal
from typing import Protocol

import anyio

from agentkit.budget.budget import Budget
from agentkit.clock import Clock
from agentkit.log import Log
from agentkit.service.http_errors import ServiceError
from agentkit.service.served import Caller
from agentkit.store.base import Store, StoreError
from agentkit.usage import Usage
from agentkit.value import dataclass

log: Log = Log("agentkit.service")

FLUSH_SECONDS = 1.0
CHARGE_SECONDS = 10.0
"""How long a charge waits for the database, cancelled or not."""

_MILLION = 1_000_000

_ADD_DAY = (
    "INSERT INTO ak_usage (tenant, day, requests, input_tokens, output_tokens, cost_microusd, "
    "reserved_microusd) VALUES (?, ?, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
)
_RESERVE = (
    "UPDATE ak_usage SET reserved_microusd = reserved_microusd + ? WHERE tenant = ? AND day = ? "
    "AND cost_microusd + reserved_microusd + ? <= ? RETURNING tenant"
)
_CHARGE = (
    "INSERT INTO ak_usage (tenant, day, requests, input_tokens, output_tokens, cost_microusd, "
    "reserved_microusd) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, day) DO UPDATE SET "
    "requests = ak_usage.requests + excluded.requests, "
    "input_tokens = ak_usage.input_tokens + excluded.input_tokens, "
    "output_tokens = ak_usage.output_tokens + excluded.output_tokens, "
    "cost_microusd = ak_usage.cost_microusd + excluded.cost_microusd, "
    "reserved_microusd = ak_usage.reserved_microusd + excluded.reserved_microusd"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What requests used; amounts are millionths of a dollar.

    Attributes:
        requests: how many there were.
        cost: what they cost.
        reserved: what was reserved for them, and is free again.
    """

    requests: int = 1
    cost: int = 0
    reserved: int = 0
    usage: Usage = field(default_factory=Usage)

    def __add__(self, other: "Charge") -> "Charge":
        """Return both together."""
        return Charge(
            requests=self.requests + other.requests,
            cost=self.cost + other.cost,
            reserved=self.reserved + other.reserved,
            usage=self.usage + other.usage,
        )


class Ledger(Protocol):
    """Keeps what tenants spent on a day; amounts are millionths of a dollar."""

    async def reserve(self, tenant: str, day: str, *, amount: int, limit: int) -> bool:
        """Reserve an amount, and return whether there was room for it below the limit."""

    async def charge(self, tenant: str, day: str, charge: Charge) -> None:
        """Replace a reservation by what was spent."""


class MemoryLedger:
    """A ledger of this process; see `Ledger`."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, str], tuple[int, int]] = {}

    async def reserve(self, tenant: str, day: str, *, amount: int, limit: int) -> bool:
        """See `Ledger`."""
        spent, reserved = self._days.get((tenant, day), (0, 0))
        if spent + reserved + amount > limit:
            return False
        self._days[(tenant, day)] = (spent, reserved + amount)
        return True

    async def charge(self, tenant: str, day: str, charge: Charge) -> None:
        """See `Ledger`."""
        spent, held = self._days.get((tenant, day), (0, charge.reserved))
        self._days[(tenant, day)] = (spent + charge.cost, held - charge.reserved)


class StoredLedger:
    """A ledger in a database, for all processes together; see `Ledger`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def reserve(self, tenant: str, day: str, *, amount: int, limit: int) -> bool:
        """See `Ledger`."""
        await self._store.run(_ADD_DAY, (tenant, day))
        return bool(await self._store.run(_RESERVE, (amount, tenant, day, amount, limit)))

    async def charge(self, tenant: str, day: str, charge: Charge) -> None:
        """See `Ledger`."""
        usage = charge.usage
        values = (tenant, day, charge.requests, usage.input_tokens, usage.output_tokens)
        await self._store.run(_CHARGE, (*values, charge.cost, -charge.reserved))


class Reservation:
    """Money for one request.

    Attributes:
        budget: what the run may cost; None for no limit.
    """

    def __init__(self, amount: Decimal | None) -> None:
        self.budget: Budget | None = None if amount is None else Budget(cost_usd=amount)
        self.usage: Usage | None = None

    def spend(self, usage: Usage) -> None:
        """Note what the run used; without it, the complete reservation is charged."""
        self.usage = usage


class Spending:
    """The money of all tenants."""

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._waiting: dict[tuple[str, str], Charge] = {}

    async def run(self) -> None:
        """Write what callers without a limit used, until cancelled."""
        while True:
            await anyio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what callers without a limit used; what cannot be written is kept."""
        for place in tuple(self._waiting):
            charge = self._waiting.pop(place)
            try:
                await self._ledger.charge(*place, charge)
            except StoreError as error:
                self._note(place, charge)
                log.warning("usage_not_written", exc_info=error)
                return

    def _note(self, place: tuple[str, str], charge: Charge) -> None:
        known = self._waiting.get(place)
        self._waiting[place] = charge if known is None else known + charge

    @asynccontextmanager
    async def reserved(self, caller: Caller) -> AsyncIterator[Reservation]:
        """Reserve money for a request, and charge what it cost when the context is left.

        A request that was cut off costs what was reserved: no provider reports what such an
        exchange used, and leaving early must not be a way to use a model for nothing.

        Raises:
            ServiceError: the day's money is spent or reserved.
        """
        amount, limit = caller.limits.reservation_usd, caller.limits.cost_usd_per_day
        reservation = Reservation(amount)
        day = self._clock.now().date().isoformat()
        held = 0
        if amount is not None and limit is not None:
            held = int(amount * _MILLION)
            is_free = await self._ledger.reserve(
                caller.tenant, day, amount=held, limit=int(limit * _MILLION)
            )
            if not is_free:
                raise ServiceError(
                    "The money for today is spent or reserved by requests that are under way.",
                    status=429,
                    code="insufficient_quota",
                    headers={"retry-after": "60"},
                )
        try:
            yield reservation
        finally:
            usage = reservation.usage or Usage()
            cost = held if reservation.usage is None else int((usage.cost_usd or 0) * _MILLION)
            charge = Charge(cost=cost, reserved=held, usage=usage)
            if limit is None:
                self._note((caller.tenant, day), charge)
            else:
                with anyio.move_on_after(CHARGE_SECONDS, shield=True):
                    await self._ledger.charge(caller.tenant, day, charge)
