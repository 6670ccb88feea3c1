"""The settings of a served MCP server.

In:  nothing.
Out: `ServerSettings`.
"""

from dataclasses import dataclass, field

from mcp.server.request_state import RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, SubscriptionBus

from agentkit.clock import Clock, SystemClock
from agentkit.tools.approval import ApprovalRule
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.result_content import MAX_RESULT_CHARACTERS

STATE_SECONDS = 3600.0


def _process_key() -> RequestStateSecurity:
    return RequestStateSecurity.ephemeral(ttl=STATE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The settings for every call of a server.

    Attributes:
        deps: passed to tools in their `RunContext`.
        approve: the rule that decides which calls may run; without it, each tool's `approval`.
        timeout_seconds: limit for each tool that has none of its own; None for no limit. Includes
            the time a user takes for a form, if the client is asked during the call.
        max_characters: text of a result beyond this length is truncated.
        concurrency: how many tools may run at the same time, over all clients.
        clock: the source of time.
        security: encrypts the state that travels through clients; by default valid for an hour,
            with a key of this process. Set a key if several processes serve the same clients.
        bus: carries change notifications to subscribed clients; see the SDK.
        poll_seconds: how often a toolset that can change is checked for changes.
    """

    deps: object = None
    approve: ApprovalRule | None = None
    timeout_seconds: float | None = 60.0
    max_characters: int = MAX_RESULT_CHARACTERS
    concurrency: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    clock: Clock = field(default_factory=SystemClock)
    security: RequestStateSecurity = field(default_factory=_process_key)
    bus: SubscriptionBus = field(default_factory=InMemorySubscriptionBus)
    poll_seconds: float = 2.0
