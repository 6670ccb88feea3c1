"""A model at a provider, as its caller configures it.

In:  a resolved name, settings of retries and rate limits.
Out: `ProviderModel`, a `Model`.

What speaks to the provider is in `provider_exchange`, which is loaded when a model is opened.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from agentkit.config.load import ResolvedModel
from agentkit.config.profile import ModelProfile
from agentkit.lazy_import import LazyModule
from agentkit.model.model import ModelConnection
from agentkit.model.rate_limit import RateLimit, RateLimiter
from agentkit.transport.retry import RetrySettings

Opening: TypeAlias = "Callable[[ProviderModel], AbstractAsyncContextManager[ModelConnection]]"

provider_exchange: LazyModule = LazyModule("agentkit.model.provider_exchange")


class ProviderModel:
    """One model at one provider."""

    def __init__(
        self,
        resolved: ResolvedModel,
        *,
        dialects: Mapping[str, Callable[[], object]],
        retry: RetrySettings | None = None,
        rate_limit: RateLimit | None = None,
        learned: object | None = None,
        transport: Callable[..., object] | None = None,
        shares_transport: bool | None = None,
    ) -> None:
        """Build a model; nothing is opened.

        Args:
            resolved: provider, model and key.
            dialects: factories of codecs by name; one codec is made for each opening.
            retry: how often to try again, and how long to wait.
            rate_limit: the provider's limits, if they are known beforehand.
            learned: where to keep the profiles that refusals have changed, `LearnedProfiles`; those
                of the process if not given.
            transport: opens the transport, e.g. one that records; see
                `provider_exchange.OpenTransport`.
            shares_transport: whether runs may share one transport, and leave it open for later
                ones; False for one that belongs to its run, as `transport` does if not said.
        """
        self.resolved = resolved
        self.retry: RetrySettings = retry or RetrySettings()
        self.rate_limiter: RateLimiter = RateLimiter(rate_limit or RateLimit())
        self.dialects = dialects
        self.learned = learned
        self.transport = transport
        self.shares_transport: bool = (
            transport is None if shares_transport is None else shares_transport
        )
        self._rate_limit = rate_limit

    @property
    def name(self) -> str:
        """Return the name a user would write."""
        return self.resolved.name

    @property
    def profile(self) -> ModelProfile:
        """Return its profile in the catalog."""
        return self.resolved.model

    def with_retry(self, retry: RetrySettings) -> "ProviderModel":
        """Return the same model with other retry settings."""
        return ProviderModel(
            self.resolved,
            dialects=self.dialects,
            retry=retry,
            rate_limit=self._rate_limit,
            learned=self.learned,
            transport=self.transport,
            shares_transport=self.shares_transport,
        )

    def open(self) -> AbstractAsyncContextManager[ModelConnection]:
        """Start the provider's server if it has a launcher, and open a transport to it."""
        opening: Opening = provider_exchange.open_connection
        return opening(self)

    def open_for_run(self) -> AbstractAsyncContextManager[ModelConnection]:
        """Open it for one run; see `KeepsConnections`."""
        # A server that is started here ends with its context, and so do the connections to it.
        keeps = self.shares_transport and self.resolved.provider.launcher is None
        if not keeps:
            return self.open()
        opening: Opening = provider_exchange.KeptConnection
        return opening(self)
