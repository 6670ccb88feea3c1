"""An open model at a provider: dialect, transport and retries combined.

In:  a `ProviderModel`; then requests.
Out: `ModelConnection`; responses.

An answer is read to its end and checked before anything of it leaves here as a message. A failed
attempt leaves no trace in the conversation, and is not repeated once its text was emitted.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from random import random
from typing import Protocol, cast

import anyio

from agentkit.chat import ModelRequest, ModelResponse, Repair, ToolSpec
from agentkit.config.load import ResolvedModel
from agentkit.config.profile import ProviderProfile
from agentkit.dialect.base import Dialect, Encoded
from agentkit.dialect.provider_errors import status_error
from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.errors import ProtocolError, ProviderError
from agentkit.event import ConnectionAwaited, Emit, ModelRetried, RequestDelayed, RequestDowngraded
from agentkit.log import Log
from agentkit.model.answer_text import offered_tools
from agentkit.model.downgrade import PROCESS_PROFILES, LearnedProfiles, find_downgrade
from agentkit.model.launch import launched
from agentkit.model.model import EmitTracker, ModelConnection
from agentkit.model.provider_model import ProviderModel
from agentkit.model.rate_limit import RateLimiter
from agentkit.model.response_builder import ResponseBuilder
from agentkit.model.usage_cost import estimate_usage, with_cost
from agentkit.redaction import redact_key
from agentkit.transport.base import LimitsConnections, Transport, WireResponse
from agentkit.transport.content_decoder import is_mislabelled
from agentkit.transport.kept_transports import (
    close_transport,
    return_transport,
    take_transport,
)
from agentkit.transport.open_transport import open_transport
from agentkit.transport.retry import RetrySettings, retry_wait
from agentkit.usage import NO_USAGE
from agentkit.wire import TRACE_HEADERS, WireHead

MAX_ERROR_BYTES = 100_000
DRAIN_SECONDS = 0.2
BYTES_PER_TOKEN = 3

log: Log = Log("agentkit.model")


class OpenTransport(Protocol):
    """Opens a transport to a provider."""

    def __call__(self, resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        """Return a transport; it is closed with the model."""


@asynccontextmanager
async def open_connection(model: ProviderModel) -> AsyncIterator[ModelConnection]:
    """Start the provider's server if it has a launcher, and open a transport to it."""
    resolved = model.resolved
    opening = cast(OpenTransport, model.transport or open_transport)  # as documented there
    async with launched(resolved.provider, model_id=resolved.model.id) as running:
        transport = opening(resolved, base_url=running.base_url)
        # Not the base URL: what is learned about weights holds for their next server, too.
        known = replace(resolved.provider, dialect=running.dialect)
        try:
            yield _connection(model, replace(resolved, provider=known), transport)
        finally:
            await close_transport(transport)


class KeptConnection(AbstractAsyncContextManager[ModelConnection]):
    """The connection of one run to a model, kept for later runs of the same event loop."""

    def __init__(self, model: ProviderModel) -> None:
        self._model = model

    async def __aenter__(self) -> ModelConnection:
        model, resolved = self._model, self._model.resolved
        opening = cast(OpenTransport, model.transport or open_transport)  # as documented there
        self._kept = kept = await take_transport(
            (resolved.provider, resolved.api_key, model.transport), partial(opening, resolved)
        )
        # What it has encoded is useful to the next run, too.
        connection = cast(ProviderConnection | None, kept.made.get(model))  # made here alone
        if connection is None:
            connection = kept.made[model] = _connection(model, resolved, kept.transport)
        return connection

    async def __aexit__(self, *details: object) -> None:
        await return_transport(self._kept)


def _connection(
    model: ProviderModel, resolved: ResolvedModel, transport: Transport
) -> "ProviderConnection":
    return ProviderConnection(
        resolved,
        dialects=cast(Mapping[str, Callable[[], Dialect]], model.dialects),  # as documented there
        transport=transport,
        retry=model.retry,
        rate_limiter=model.rate_limiter,
        learned=cast(LearnedProfiles, model.learned or PROCESS_PROFILES),  # the same
    )


class ProviderConnection:
    """An open model at a provider."""

    def __init__(
        self,
        resolved: ResolvedModel,
        *,
        dialects: Mapping[str, Callable[[], Dialect]],
        transport: Transport,
        retry: RetrySettings,
        rate_limiter: RateLimiter,
        learned: LearnedProfiles,
    ) -> None:
        self._resolved = resolved
        self._makers = dialects
        self._dialects: dict[str, Dialect] = {}
        self._transport = transport
        self._limit = transport if isinstance(transport, LimitsConnections) else None
        self._retry = retry
        self._rate_limiter = rate_limiter
        self._learned = learned
        self._offered: tuple[Sequence[ToolSpec], Mapping[str, str], OfferedTools] | None = None

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Make one exchange, and repeat it if that is safe; see `ModelConnection`."""
        attempt = 1
        while True:
            provider, model = self._learned.recall(self._resolved.provider, self._resolved.model)
            limited = request.limited()
            encoded = self._dialect(provider).encode(limited, provider=provider, model=model)
            tracker = EmitTracker(emit)
            try:
                return await self._exchange(limited, encoded, provider, tracker)
            except ProviderError as error:
                error.provider = provider.name
                error.model = self._resolved.model.id
                error.args = (self._without_key(str(error)),)
                if error.request_id is not None:
                    error.request_id = self._without_key(error.request_id)
                if tracker.has_text:
                    raise
                downgrade = find_downgrade(provider, model, error, sent=encoded.fields)
                if downgrade is None:
                    await self._wait(error, attempt=attempt, emit=emit)
                    attempt += 1
                else:
                    self._learned.remember(downgrade.provider, downgrade.model)
                    await emit(RequestDowngraded(change=downgrade.change, error=str(error)))

    def _without_key(self, text: str) -> str:
        """Return the text without the key, which some providers repeat."""
        key = self._resolved.api_key
        return text if key is None else redact_key(text, key.get_secret_value())

    async def _wait(self, error: ProviderError, *, attempt: int, emit: Emit) -> None:
        """Wait before the next attempt, or raise `error` if there is none."""
        wait = retry_wait(
            error,
            attempt=attempt,
            settings=self._retry,
            spread=random(),  # noqa: S311 - spreads waits, keeps no secret
        )
        if wait is None:
            raise error
        await emit(
            ModelRetried(
                attempt=attempt,
                kind=error.kind,
                error=str(error),
                wait_seconds=wait,
                usage=error.usage,
            )
        )
        log.warning("model_retried", kind=error.kind, attempt=attempt, wait_seconds=wait)
        await anyio.sleep(wait)

    def _dialect(self, provider: ProviderProfile) -> Dialect:
        """Return this connection's codec of the provider's dialect; it keeps what it encoded."""
        name = provider.dialect
        if name not in self._dialects:
            self._dialects[name] = self._makers[name]()
        return self._dialects[name]

    async def _exchange(
        self,
        request: ModelRequest,
        encoded: Encoded,
        provider: ProviderProfile,
        tracker: EmitTracker,
    ) -> ModelResponse:
        """Make one attempt."""
        if not self._rate_limiter.is_unlimited:
            await self._wait_for_rate_limit(request, encoded, tracker)
        if self._limit is not None and self._limit.is_exhausted:
            await tracker.emit(ConnectionAwaited(max_connections=self._limit.max_connections))
        builder: ResponseBuilder | None = None
        wire, trace = encoded.wire, TRACE_HEADERS.get()
        if trace is not None:
            wire = wire.with_headers(trace)
        try:
            async with self._transport.exchange(wire) as answer:
                head = answer.head
                # Not before: a thousand runs that wait for their answers need none.
                builder = ResponseBuilder(
                    request,
                    tool_names=encoded.tool_names,
                    provider=provider.name,
                    calls_in_text=encoded.calls_in_text,
                    reasoning=self._resolved.model.reasoning_style,
                    tools=self._offered_tools(request, encoded),
                )
                if encoded.opening:
                    builder.feed(encoded.opening)
                await self._read(answer, builder, provider, tracker)
            response = _with_header_repair(builder.finish(), head)
            _check_choice(request, response)
        except ProviderError as error:
            if builder is not None and builder.usage != NO_USAGE:
                error.usage = with_cost(builder.usage, self._resolved.model)
            raise
        model, usage = self._resolved.model, response.usage
        if usage.total_tokens == 0 and usage.cost_usd is None:
            usage = estimate_usage(request, response, model)
        usage = with_cost(usage, model)
        return response if usage is response.usage else replace(response, usage=usage)

    def _offered_tools(self, request: ModelRequest, encoded: Encoded) -> OfferedTools:
        """Return the tools as a reader of calls needs them; made once for the same tools."""
        known = self._offered
        if known is None or known[0] is not request.tools or known[1] != encoded.tool_names:
            made = offered_tools(request, encoded.tool_names)
            known = self._offered = (request.tools, encoded.tool_names, made)
        return known[2]

    async def _wait_for_rate_limit(
        self, request: ModelRequest, encoded: Encoded, tracker: EmitTracker
    ) -> None:
        """Wait until the request is within the known limits.

        Raises:
            ProviderError: the provider resets an exhausted limit only after `max_wait_seconds`.
        """
        limiter = self._rate_limiter
        header = limiter.exhausted_seconds(anyio.current_time())
        if header > self._retry.max_wait_seconds:
            raise ProviderError(
                f"The provider reported an exhausted rate limit ({limiter.exhausted}: 0) that it "
                f"resets in {header:.0f} s; no request waits longer than max_wait_seconds "
                f"({self._retry.max_wait_seconds:g} s).",
                kind="rate_limit",
                retry="same",
                retry_after_seconds=header,
            )
        tokens = len(encoded.wire.body) // BYTES_PER_TOKEN + (request.settings.max_tokens or 0)
        wait = limiter.reserve(anyio.current_time(), tokens=tokens)
        if wait > 0:
            reason = f"{limiter.exhausted}: 0" if header else "the rate limit of the settings"
            log.info("request_delayed", wait_seconds=wait, reason=reason)
            await tracker.emit(RequestDelayed(wait_seconds=wait, reason=reason))
            await anyio.sleep(wait)

    async def _read(
        self,
        answer: WireResponse,
        builder: ResponseBuilder,
        provider: ProviderProfile,
        tracker: EmitTracker,
    ) -> None:
        """Read an answer to its end, and emit what may be shown of it."""
        self._rate_limiter.read_headers(answer.head.headers, clock=anyio.current_time)
        if not answer.head.is_success:
            raise status_error(answer.head, await _read_all(answer))
        decoder = self._dialect(provider).decoder(answer.head)
        async for chunk in answer.chunks:
            for event in builder.feed(decoder.feed(chunk)):
                await tracker.emit(event)
            if builder.is_done:
                # Some providers keep the connection open, or send keep-alives, after the end.
                await _drain(answer)
                break
        for event in (*builder.feed(decoder.close()), *builder.close()):
            await tracker.emit(event)


async def _drain(answer: WireResponse) -> None:
    """Read what follows the end of an answer, if it comes at once, to keep the connection."""
    with anyio.move_on_after(DRAIN_SECONDS):
        async for _ in answer.chunks:
            pass


async def _read_all(answer: WireResponse) -> bytes:
    """Return the body of an error, truncated to a length that no error needs."""
    body = bytearray()
    async for chunk in answer.chunks:
        body += chunk
        if len(body) > MAX_ERROR_BYTES:
            break
    return bytes(body[:MAX_ERROR_BYTES])


def _with_header_repair(response: ModelResponse, head: WireHead) -> ModelResponse:
    """Return the response with a repair if its Content-Encoding named no encoding."""
    named = head.headers.get("content-encoding")
    if named is None or not is_mislabelled(named):
        return response
    repair = Repair(kind="ignored_content_encoding", before=named, after="")
    return replace(response, repairs=(*response.repairs, repair))


def _check_choice(request: ModelRequest, response: ModelResponse) -> None:
    """Reject an answer that violates a forced choice; providers ignore it without an error."""
    if not request.tool_choice.is_forced or response.message.tool_calls:
        return
    if request.accepts_text and response.finish_reason != "length":
        return
    if response.finish_reason == "length":
        raise ProtocolError(
            "The answer reached its token limit before the tool call that was required; "
            "allow more tokens (max_tokens).",
            kind="truncated",
            retry="change",
        )
    raise ProtocolError(
        "A tool call was required and the model answered without one.",
        kind="bad_response",
        retry="same",
    )
