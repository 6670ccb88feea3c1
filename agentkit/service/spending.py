"""Money of tenants: reserved before a run, charged after it.

In:  callers with a limit of money for a day.
Out: `Reservation`s; a `ServiceError` once the day's money is spent or reserved.

A reservation is one statement that holds only while there is money, so that of many requests at
once no more begin than can be paid for.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Protocol

import anyio

from agentkit.budget.budget import Budget
from agentkit.clock import Clock
from agentkit.service.http_errors import ServiceError
from agentkit.service.served import Caller
from agentkit.store.base import Store
from agentkit.usage import Usage

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
    "reserved_microusd) VALUES (?, ?, 1, ?, ?, ?, ?) ON CONFLICT (tenant, day) DO UPDATE SET "
    "requests = ak_usage.requests + 1, "
    "input_tokens = ak_usage.input_tokens + excluded.input_tokens, "
    "output_tokens = ak_usage.output_tokens + excluded.output_tokens, "
    "cost_microusd = ak_usage.cost_microusd + excluded.cost_microusd, "
    "reserved_microusd = ak_usage.reserved_microusd + excluded.reserved_microusd"
)


class Ledger(Protocol):
    """Keeps what tenants spent on a day; amounts are millionths of a dollar."""

    async def reserve(self, tenant: str, day: str, *, amount: int, limit: int) -> bool:
        """Reserve an amount, and return whether there was room for it below the limit."""

    async def charge(
        self, tenant: str, day: str, *, reserved: int, cost: int, usage: Usage
    ) -> None:
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

    async def charge(
        self,
        tenant: str,
        day: str,
        *,
        reserved: int,
        cost: int,
        usage: Usage,  # noqa: ARG002  # of the protocol
    ) -> None:
        """See `Ledger`."""
        spent, held = self._days.get((tenant, day), (0, reserved))
        self._days[(tenant, day)] = (spent + cost, held - reserved)


class StoredLedger:
    """A ledger in a database, for all processes together; see `Ledger`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def reserve(self, tenant: str, day: str, *, amount: int, limit: int) -> bool:
        """See `Ledger`."""
        await self._store.run(_ADD_DAY, (tenant, day))
        return bool(await self._store.run(_RESERVE, (amount, tenant, day, amount, limit)))

    async def charge(
        self, tenant: str, day: str, *, reserved: int, cost: int, usage: Usage
    ) -> None:
        """See `Ledger`."""
        values = (tenant, day, usage.input_tokens, usage.output_tokens, cost, -reserved)
        await self._store.run(_CHARGE, values)


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
            with anyio.move_on_after(CHARGE_SECONDS, shield=True):
                await self._ledger.charge(caller.tenant, day, reserved=held, cost=cost, usage=usage)
