"""Several models as one: if one fails, the next is called.

In:  models, in which order to try them, when to skip one.
Out: `RouteModel`, a `Model`; each response names the models that failed before, and why;
     `CircuitBreaker`, which skips a model that failed repeatedly.

The conversation is encoded anew for each provider, so a run may change providers at any turn. Text
that was emitted cannot be withdrawn: after that, a failure is raised.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from random import random
from typing import Literal, TypeAlias

import anyio

from agentkit.chat import FailedExchange, ModelRequest, ModelResponse
from agentkit.clock import Clock, SystemClock
from agentkit.config.profile import ModelProfile
from agentkit.errors import ConfigError, ErrorKind, ProviderError, UnsupportedError
from agentkit.event import Emit, ModelFailedOver, ModelRetried
from agentkit.log import Log
from agentkit.model.model import EmitTracker, Model, ModelConnection, SupportsRetry, open_for_run
from agentkit.transport.retry import RetrySettings, retry_wait
from agentkit.usage import Usage
from agentkit.value import dataclass

RouteOrder: TypeAlias = Literal["listed", "cheapest", "fastest"]
CircuitState: TypeAlias = Literal["closed", "open", "half_open"]
"""Whether a model is called, is skipped, or is due for a trial call."""

FINAL_KINDS: frozenset[ErrorKind] = frozenset({"truncated", "content_filter"})
"""Failures that come from the request, so another provider would fail too."""

log: Log = Log("agentkit.model")


class RouteModel:
    """Several models behind the interface of one."""

    def __init__(
        self,
        models: Sequence[Model],
        *,
        order: RouteOrder = "listed",
        retry: RetrySettings | None = None,
        circuit_breaker: "CircuitBreakerSettings | None" = None,
        clock: Clock | None = None,
    ) -> None:
        """Build a route; nothing is opened.

        Args:
            models: at least one.
            order: as listed, by the catalog's price (unknown last), or by the speed measured so
                far (unmeasured first).
            retry: how often to try all again when all fail; each model is called once per round.
            circuit_breaker: when to skip a failing model.
            clock: where time comes from.

        Raises:
            ConfigError: no model was given.
        """
        if not models:
            raise ConfigError("A route needs at least one model.")
        retry = retry or RetrySettings()
        once = replace(retry, attempts=1)
        self._order = order
        self._retry = retry
        self._clock = clock or SystemClock()
        self._members = tuple(
            _Member(
                model.with_retry(once) if isinstance(model, SupportsRetry) else model,
                CircuitBreaker(circuit_breaker or CircuitBreakerSettings()),
            )
            for model in models
        )

    @property
    def name(self) -> str:
        """Return the names of its models, in the order given."""
        return " | ".join(member.model.name for member in self._members)

    @property
    def profile(self) -> ModelProfile:
        """Return the profile of the model with the smallest window, at the highest prices.

        A request that fits it fits all, and no model costs more; a price is None if one of them is
        unknown.
        """
        profiles = [member.model.profile for member in self._members]
        smallest = min(profiles, key=lambda profile: profile.context_window_tokens or 2**62)
        return replace(
            smallest,
            input_usd_per_million=_highest(one.input_usd_per_million for one in profiles),
            output_usd_per_million=_highest(one.output_usd_per_million for one in profiles),
        )

    def circuits(self) -> Mapping[str, CircuitState]:
        """Return the state of the circuit breaker of each model, by the name of the model."""
        now = self._clock.monotonic()
        return {one.model.name: one.circuit_breaker.state(now) for one in self._members}

    def open(self) -> AbstractAsyncContextManager[ModelConnection]:
        """Open all models; one that cannot be opened counts as failed.

        Raises:
            ConfigError: none could be opened.
        """
        return self._open(lambda model: model.open())

    def open_for_run(self) -> AbstractAsyncContextManager[ModelConnection]:
        """Open all models for one run; see `KeepsConnections`."""
        return self._open(open_for_run)

    @asynccontextmanager
    async def _open(
        self, opening: Callable[[Model], AbstractAsyncContextManager[ModelConnection]]
    ) -> AsyncIterator[ModelConnection]:
        async with AsyncExitStack() as stack:
            connections: list[_Connected] = []
            failures: list[FailedExchange] = []
            for member in self._members:
                try:
                    connection = await stack.enter_async_context(opening(member.model))
                except ConfigError as error:
                    failures.append(member.failure(error))
                else:
                    connections.append(_Connected(member=member, connection=connection))
            if not connections:
                raise ConfigError(f"No model of the route could be opened: {_describe(failures)}")
            yield RouteConnection(
                connections,
                order=self._order,
                retry=self._retry,
                clock=self._clock,
                unopened=tuple(failures),
            )


class RouteConnection:
    """The open models of a route."""

    def __init__(
        self,
        connected: Sequence["_Connected"],
        *,
        order: RouteOrder,
        retry: RetrySettings,
        clock: Clock,
        unopened: tuple[FailedExchange, ...],
    ) -> None:
        self._connected = connected
        self._order = order
        self._retry = retry
        self._clock = clock
        self._unopened = unopened

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Call one model after the other until one answers; see `ModelConnection`."""
        failures = list(self._unopened)
        attempt = 1
        while True:
            errors: list[ProviderError] = []
            for connected in self._candidates():
                tracker = EmitTracker(emit)
                try:
                    response = await self._call(connected, request, emit=tracker.emit)
                except (ProviderError, UnsupportedError) as error:
                    if tracker.has_text or _is_final(error):
                        raise
                    failures.append(connected.member.failure(error))
                    await emit(ModelFailedOver(failure=failures[-1]))
                    if isinstance(error, ProviderError):
                        errors.append(error)
                else:
                    return replace(response, failures=tuple(failures))
            await self._wait(errors, failures, attempt=attempt, emit=emit)
            attempt += 1

    async def _call(
        self, connected: "_Connected", request: ModelRequest, *, emit: Emit
    ) -> ModelResponse:
        """Call one model, and record its outcome."""
        started = self._clock.monotonic()
        member = connected.member
        try:
            response = await connected.connection.chat(request, emit=emit)
        except ProviderError:
            member.circuit_breaker.record_failure(self._clock.monotonic())
            raise
        member.circuit_breaker.record_success()
        member.measure(self._clock.monotonic() - started)
        return response

    def _candidates(self) -> Iterator["_Connected"]:
        """Yield the models to call, best first; if all are skipped, the one due soonest."""
        now = self._clock.monotonic()
        ordered = sorted(self._connected, key=lambda one: one.member.rank(self._order))
        allowed = False
        for connected in ordered:
            if connected.member.circuit_breaker.allows(now):
                allowed = True
                yield connected
        if not allowed:
            yield min(ordered, key=lambda one: one.member.circuit_breaker.open_until)

    async def _wait(
        self,
        errors: Sequence[ProviderError],
        failures: Sequence[FailedExchange],
        *,
        attempt: int,
        emit: Emit,
    ) -> None:
        """Wait for the next round, or raise one error for all models."""
        again = [error for error in errors if error.retryable]
        soonest = min(again, key=lambda error: error.retry_after_seconds or 0.0, default=None)
        wait = None
        if soonest is not None:
            wait = retry_wait(
                soonest,
                attempt=attempt,
                settings=self._retry,
                spread=random(),  # noqa: S311 - spreads waits, keeps no secret
            )
        if soonest is None or wait is None:
            raise _route_error(soonest, errors, failures)
        log.warning("route_retried", attempt=attempt, wait_seconds=wait)
        await emit(
            ModelRetried(attempt=attempt, kind=soonest.kind, error=str(soonest), wait_seconds=wait)
        )
        await anyio.sleep(wait)


class _Member:
    """A model of a route with its record so far; shared by all runs."""

    def __init__(self, model: Model, circuit_breaker: "CircuitBreaker") -> None:
        self.model = model
        self.circuit_breaker = circuit_breaker
        self._seconds: float | None = None

    def measure(self, seconds: float) -> None:
        """Record how long an answer took; the latest count most."""
        self._seconds = seconds if self._seconds is None else 0.7 * self._seconds + 0.3 * seconds

    def rank(self, order: RouteOrder) -> Decimal | float:
        """Return what to sort by; equal ranks keep the order given."""
        match order:
            case "listed":
                return 0
            case "fastest":
                return self._seconds or 0.0
            case "cheapest":
                profile = self.model.profile
                known = (profile.input_usd_per_million, profile.output_usd_per_million)
                return (
                    sum((price for price in known if price is not None), Decimal(0))
                    if (None not in known)
                    else Decimal("Infinity")
                )

    def failure(self, error: Exception) -> FailedExchange:
        """Return `error` as a failure of this model."""
        kind: ErrorKind = error.kind if isinstance(error, ProviderError) else "invalid_request"
        usage = error.usage if isinstance(error, ProviderError) else Usage()
        return FailedExchange(model=self.model.name, kind=kind, error=str(error), usage=usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connected:
    """A member with its open connection."""

    member: _Member
    connection: ModelConnection


def _highest(prices: Iterable[Decimal | None]) -> Decimal | None:
    """Return the highest price; None if one is not known."""
    known: list[Decimal] = []
    for price in prices:
        if price is None:
            return None
        known.append(price)
    return max(known)


def _is_final(error: Exception) -> bool:
    """Return whether another provider would fail as well."""
    return isinstance(error, ProviderError) and error.kind in FINAL_KINDS


def _describe(failures: Sequence[FailedExchange]) -> str:
    """Return the error of each model, in one line."""
    return "; ".join(f"{failure.model}: {failure.error}" for failure in failures)


def _route_error(
    soonest: ProviderError | None,
    errors: Sequence[ProviderError],
    failures: Sequence[FailedExchange],
) -> ProviderError:
    """Return one error for a route of which no model answered."""
    cause = soonest or (errors[-1] if errors else None)
    error = ProviderError(
        f"No model of the route answered. {_describe(failures)}",
        kind=cause.kind if cause else "invalid_request",
        retry=cause.retry if cause else "change",
        status=cause.status if cause else None,
        request_id=cause.request_id if cause else None,
        retry_after_seconds=cause.retry_after_seconds if cause else None,
    )
    error.provider = cause.provider if cause else None
    error.model = cause.model if cause else None
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerSettings:
    """When a provider is not called.

    Attributes:
        failures: how many in a row open the breaker, 1 or more.
        open_seconds: how long it stays open the first time; twice as long each time after.
        max_open_seconds: longest time it stays open.
    """

    failures: int = 3
    open_seconds: float = 10.0
    max_open_seconds: float = 300.0


class CircuitBreaker:
    """The state of one model at one provider."""

    def __init__(self, settings: CircuitBreakerSettings) -> None:
        self._settings = settings
        self._failures = 0
        self._openings = 0
        self.open_until: float = 0.0

    def allows(self, now: float) -> bool:
        """Return whether a call may be made; a trial call excludes others until it ends."""
        if self._failures < self._settings.failures:
            return True
        if now < self.open_until:
            return False
        self.open_until = now + self._open_seconds()
        return True

    def state(self, now: float) -> CircuitState:
        """Return whether the model is called now; changes nothing."""
        if self._failures < self._settings.failures:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def record_success(self) -> None:
        """Close the breaker after an answer."""
        self._failures = self._openings = 0

    def record_failure(self, now: float) -> None:
        """Count a failure, and open the breaker at the limit."""
        self._failures += 1
        if self._failures >= self._settings.failures:
            self.open_until = now + self._open_seconds()
            self._openings += 1

    def _open_seconds(self) -> float:
        longest = self._settings.max_open_seconds
        return float(min(self._settings.open_seconds * 2.0 ** min(self._openings, 20), longest))
