"""How a server works inside; the defaults suit most.

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


def _seal() -> RequestStateSecurity:
    return RequestStateSecurity.ephemeral(ttl=STATE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What holds for every call of a server.

    Attributes:
        deps: handed to tools in their `RunContext`.
        approve: the server's own word on which calls may run; without it, each tool's counts.
        timeout_seconds: limit of each tool that has none of its own; None for none. The time in
            which a person fills in a form counts, where the client can be asked meanwhile.
        max_characters: text of a result beyond is cut.
        caps: how many tools may run at the same time, over all clients.
        clock: where time comes from.
        security: how state that travels through clients is sealed; by default for an hour, with a
            key of this process. Give a key where several processes serve the same clients.
        bus: carries changes to clients that listen; see the SDK.
        poll_seconds: how often toolsets that can change are asked whether they did.
    """

    deps: object = None
    approve: ApprovalRule | None = None
    timeout_seconds: float | None = 60.0
    max_characters: int = MAX_RESULT_CHARACTERS
    caps: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    clock: Clock = field(default_factory=SystemClock)
    security: RequestStateSecurity = field(default_factory=_seal)
    bus: SubscriptionBus = field(default_factory=InMemorySubscriptionBus)
    poll_seconds: float = 2.0
