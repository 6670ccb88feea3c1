"""Send the probes of the plan to a provider, one after the other.

In:  a resolved model.
Out: `DoctorReport`: the results, the usage, and why the diagnosis ended early.

One request at a time, each with a deadline. A short rate limit is waited for; a long one ends the
diagnosis with the reason. Nothing is left open.
"""

from collections.abc import Callable
from dataclasses import field, replace
from decimal import Decimal

import anyio

from agentkit.config.load import ResolvedModel
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.doctor.diagnosis import Diagnosis, observed_profiles
from agentkit.doctor.model_list import (
    ModelListing,
    join_listings,
    listing_paths,
    model_path,
    read_listing,
)
from agentkit.doctor.probe import Probe, ProbeName, ProbeResult
from agentkit.doctor.probe_plan import MAX_REQUESTS, next_probe
from agentkit.doctor.probe_request import MAX_TOKENS, build_probe
from agentkit.doctor.probe_response import read_answer, read_failure
from agentkit.doctor.provider_connection import open_provider
from agentkit.errors import ProviderError, TransportError
from agentkit.model.provider_exchange import BYTES_PER_TOKEN
from agentkit.model.rate_limit import RateLimit, RateLimiter
from agentkit.model.usage_cost import MILLION, with_cost
from agentkit.transport.base import Transport
from agentkit.usage import Usage
from agentkit.value import dataclass
from agentkit.wire import WireHead, WireRequest

MAX_COST_USD = Decimal("0.01")

# After these errors every further request fails too.
_FINAL = ("auth", "insufficient_credits")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """Time, failure and cost limits of a diagnosis.

    Attributes:
        probe_seconds: longest wait for one response; the first request may have to load the model.
        max_wait_seconds: longest pause a provider may ask for; a longer one ends the diagnosis.
        pause_seconds: wait before a retry if the provider names no time.
        max_failures: consecutive probes that may fail before the diagnosis ends.
        max_cost_usd: the diagnosis ends before a request that might exceed it, if prices are known.
    """

    probe_seconds: float = 60.0
    max_wait_seconds: float = 20.0
    pause_seconds: float = 1.0
    max_failures: int = 2
    max_cost_usd: Decimal = MAX_COST_USD


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """The result of a finished diagnosis.

    Attributes:
        diagnosis: all probe results.
        requests: number of requests that may cost something.
        usage: sum over all responses; its cost is None if no price is known.
        is_usage_complete: every response reported its usage.
        stopped: why it ended early; empty if all probes were sent.
    """

    diagnosis: Diagnosis
    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    is_usage_complete: bool = True
    stopped: str = ""

    @property
    def profiles(self) -> tuple[ProviderProfile, ModelProfile]:
        """Return provider and model as they were seen to be."""
        return observed_profiles(self.diagnosis)


async def diagnose(
    resolved: ResolvedModel,
    *,
    settings: ProbeSettings | None = None,
    on_probe: Callable[[str], None] = lambda _: None,
) -> DoctorReport:
    """Probe a provider.

    Args:
        resolved: the model to ask for.
        settings: limits; the defaults if left out.
        on_probe: called with the name of each probe before it is sent.

    Raises:
        ConfigError: the provider cannot be started, or its address cannot be used.
    """
    bounds = settings or ProbeSettings()
    async with open_provider(resolved, seconds=bounds.probe_seconds) as (transport, provider):
        sender = _ProbeSender(transport, bounds)
        diagnosis = Diagnosis(provider=provider, model=resolved.model)
        on_probe("models")
        diagnosis = replace(diagnosis, listing=await sender.list_models(diagnosis))
        report = await sender.ask_all(diagnosis, on_probe)
    # The address of a launched provider is not part of its profile.
    own = replace(report.diagnosis, provider=resolved.provider)
    return replace(report, diagnosis=own)


class _StoppedError(Exception):
    """The diagnosis ends here; the message is the reason."""


class _ProbeSender:
    """Sends probes to one provider and counts requests, failures and usage."""

    def __init__(self, transport: Transport, settings: ProbeSettings) -> None:
        self._transport = transport
        self._settings = settings
        self._rate_limiter = RateLimiter(RateLimit())
        self._requests = 0
        self._failures = 0
        self._usage = Usage()
        self._is_usage_complete = True

    async def list_models(self, diagnosis: Diagnosis) -> ModelListing | None:
        """Return the model's entry in the provider's model list, or None. Costs nothing."""
        model_id = diagnosis.model.id
        for path in listing_paths(diagnosis.provider.base_url):
            listing = await self._list(path, model_id)
            if listing is None:
                continue
            if listing.is_listed and listing.context_window_tokens and listing.fields:
                return listing
            more = await self._list(model_path(path, model_id), model_id)
            return join_listings(listing, more)
        return None

    async def ask_all(self, diagnosis: Diagnosis, on_probe: Callable[[str], None]) -> DoctorReport:
        """Send probes until none is due."""
        stopped = ""
        try:
            while (name := next_probe(diagnosis)) is not None:
                on_probe(name)
                diagnosis = diagnosis.add(await self._ask(name, diagnosis))
                self._check_end(diagnosis.results[name])
        except _StoppedError as why:
            stopped = str(why)
        return DoctorReport(
            diagnosis=diagnosis,
            requests=self._requests,
            usage=self._usage,
            is_usage_complete=self._is_usage_complete,
            stopped=stopped,
        )

    async def _ask(self, name: ProbeName, diagnosis: Diagnosis) -> ProbeResult:
        """Send one probe, and once more if the failure may be temporary."""
        probe = build_probe(name, diagnosis)
        result = await self._attempt(probe, diagnosis, attempts=1)
        error = result.error
        if error is not None and error.retry == "same" and not result.is_answered:
            await self._pause(error)
            result = await self._attempt(probe, diagnosis, attempts=2)
        return result

    async def _pause(self, error: ProviderError) -> None:
        """Wait as long as the provider asks, or end the diagnosis."""
        wait = error.retry_after_seconds
        if wait is None:
            wait = self._settings.pause_seconds
        if wait > self._settings.max_wait_seconds:
            raise _StoppedError(
                f"the provider limits requests and asks to wait {wait:.0f} s; try again after that"
            )
        await anyio.sleep(wait)

    async def _attempt(self, probe: Probe, diagnosis: Diagnosis, *, attempts: int) -> ProbeResult:
        """Send a probe once and decode the response."""
        await self._check_limits(probe, diagnosis)
        self._requests += 1
        try:
            head, body = await self._exchange(probe.encoded.wire)
        except ProviderError as error:
            return read_failure(probe, error, attempts=attempts)
        result = read_answer(probe, head, body, attempts=attempts)
        if head.is_success:
            _, model = observed_profiles(diagnosis)
            self._usage += with_cost(result.usage, model)
            self._is_usage_complete &= result.has_usage
        return result

    async def _check_limits(self, probe: Probe, diagnosis: Diagnosis) -> None:
        """Wait if the provider's headers ask for it; end the diagnosis at its limits."""
        if self._requests >= MAX_REQUESTS:
            raise _StoppedError(f"the limit of {MAX_REQUESTS} requests was reached")
        spent = self._usage.cost_usd or Decimal(0)
        worst = worst_cost(probe, observed_profiles(diagnosis)[1])
        if worst is not None and spent + worst > self._settings.max_cost_usd:
            raise _StoppedError(
                f"the next request could raise the cost above ${self._settings.max_cost_usd}"
            )
        wait = self._rate_limiter.reserve(anyio.current_time(), tokens=0)
        if wait > self._settings.max_wait_seconds:
            raise _StoppedError(
                f"the provider's rate limit resets in {wait:.0f} s; try again after that"
            )
        await anyio.sleep(wait)

    def _check_end(self, result: ProbeResult) -> None:
        """End the diagnosis if no further answer can be expected."""
        error = result.error
        if error is None or result.is_answered or result.is_refused:
            self._failures = 0
            return
        self._failures += 1
        if error.kind in _FINAL or error.kind == "rate_limit":
            raise _StoppedError(str(error))
        if result.name == "chat" or self._failures >= self._settings.max_failures:
            raise _StoppedError(f"the provider does not answer: {error}")

    async def _list(self, path: str, model_id: str) -> ModelListing | None:
        try:
            head, body = await self._exchange(WireRequest(path=path, method="GET"))
        except ProviderError:
            return None  # the first probe reports whether the provider can be reached
        return read_listing(body, model_id=model_id, path=path) if head.is_success else None

    async def _exchange(self, wire: WireRequest) -> tuple[WireHead, bytes]:
        """Send one request and read the complete response.

        Raises:
            ProviderError: no complete response arrived in time.
        """
        seconds = self._settings.probe_seconds
        with anyio.move_on_after(seconds):
            async with self._transport.exchange(wire) as answer:
                self._rate_limiter.read_headers(answer.head.headers, clock=anyio.current_time)
                body = b"".join([chunk async for chunk in answer.chunks])
                return answer.head, body
        raise TransportError(
            f"No complete response within {seconds:g} s.", kind="timeout", retry="never"
        )


def worst_cost(probe: Probe, model: ModelProfile) -> Decimal | None:
    """Return the most a probe can cost at the catalog's price; None if it is not known."""
    prices = (model.input_usd_per_million, model.output_usd_per_million)
    if prices[0] is None or prices[1] is None:
        return None
    sent = Decimal(len(probe.encoded.wire.body) // BYTES_PER_TOKEN + 1)
    return (sent * prices[0] + MAX_TOKENS * prices[1]) / MILLION
