"""An agent with what a service needs to know about it.

In:  an agent, and how it is offered.
Out: `ServedAgent`; `Caller`, who asks.
"""

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from agentkit.agent.agent import Agent
from agentkit.errors import ConfigError
from agentkit.model.model import Model
from agentkit.tools.approval import ApprovalRule, Verdict, plan_call
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass

DENIED = "This call needs the approval of a person, and no one can be asked here."


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits:
    """What the owner of a token may use; None for no limit.

    Attributes:
        requests_per_minute: how many requests may begin in a minute.
        streams: how many requests may be under way at the same time.
        cost_usd_per_day: how much money the runs of a day (UTC) may cost.
        cost_usd_per_request: how much is reserved for a request before its run, and how much the
            run may cost; a tenth of a day's money if not set.
    """

    requests_per_minute: int | None = None
    streams: int | None = None
    cost_usd_per_day: Decimal | None = None
    cost_usd_per_request: Decimal | None = None

    @property
    def reservation_usd(self) -> Decimal | None:
        """Return how much money is reserved for a request."""
        if self.cost_usd_per_request is not None or self.cost_usd_per_day is None:
            return self.cost_usd_per_request
        return self.cost_usd_per_day / 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request.

    Attributes:
        tenant: whose conversations and runs are seen; "" without tokens.
        token_id: the id of the token, which need not be kept secret; "" without tokens.
        agents: the agents that may be used; None for all.
        limits: see `TokenLimits`.
    """

    tenant: str = ""
    token_id: str = ""
    agents: frozenset[str] | None = None
    limits: TokenLimits = field(default_factory=TokenLimits)

    def may_use(self, agent: str) -> bool:
        """Return whether an agent may be used."""
        return self.agents is None or agent in self.agents


Deps: TypeAlias = Callable[[Caller], Any]
"""Returns the deps of a run, or an awaitable of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedAgent:
    """An agent, and how a service offers it.

    Attributes:
        agent: the agent.
        description: what it is for, for people.
        examples: questions that it answers well.
        ignore_fields: fields beyond the format that clients send and that are dropped, e.g.
            `min_p`, which Open WebUI sends.
        title_model: answers requests of chat programs for a title or tags, without tools; the
            agent's own model if not given.
        on_ask: what happens to a call that needs approval in a format in which no one can be asked:
            it is denied and the model is told (`deny`), or the run is stored and waits for a
            decision at `/runs` (`park`).
        shares_tools: its tools are offered at `/mcp`, in addition to the agent.
        on_disconnect: whether a run is cancelled when its client leaves (`cancel`) or goes on
            (`finish`).
        deps: returns the deps of a run, or an awaitable of them; needed for an agent with a
            `deps_type`.
    """

    agent: Agent[Any, Any] = field(kw_only=False)
    description: str = ""
    examples: tuple[str, ...] = ()
    ignore_fields: frozenset[str] = frozenset()
    title_model: str | Model | None = None
    on_ask: Literal["deny", "park"] = "deny"
    shares_tools: bool = False
    on_disconnect: Literal["cancel", "finish"] = "cancel"
    deps: Deps | None = None

    def __post_init__(self) -> None:
        if self.agent.deps_type is not None and self.deps is None:
            raise ConfigError(
                f"The tools of the agent {self.agent.name!r} use a value of type "
                f"{self.agent.deps_type.__qualname__!r}; give a function that returns it: "
                "ServedAgent(agent, deps=…)."
            )
        if self.shares_tools and self.deps is not None:
            raise ConfigError(
                f"The tools of the agent {self.agent.name!r} cannot be shared: they use deps, "
                "which are made for its runs."
            )

    async def deps_for(self, caller: Caller) -> Any:
        """Return the deps of a run; None without a function for them."""
        if self.deps is None:
            return None
        found = self.deps(caller)
        return await found if inspect.isawaitable(found) else found

    def without_questions(self) -> Agent[Any, Any]:
        """Return the agent with a denial of each call that needs approval.

        It shares the connections of the agent, if that is open.
        """
        agent = copy.copy(self.agent)
        agent.approve = deny_questions(self.agent.approve)
        return agent


def as_served(agents: Mapping[str, Agent[Any, Any] | ServedAgent]) -> dict[str, ServedAgent]:
    """Return what a service was given, by name.

    Raises:
        ConfigError: there is no agent, a name is empty or not printable, or an agent lacks deps.
    """
    if not agents:
        raise ConfigError("There is no agent to serve; give {'name': agent}.")
    for name in agents:
        if not name.strip() or not name.isprintable() or "/" in name:
            raise ConfigError(
                f"{name!r} is no name of an agent; use printable characters without '/'."
            )
    return {
        name: one if isinstance(one, ServedAgent) else ServedAgent(one)
        for name, one in agents.items()
    }


def deny_questions(own: ApprovalRule | None) -> ApprovalRule:
    """Return a rule that denies each call that needs approval, except the client's own tools."""

    async def rule(ready: ReadyCall) -> Verdict:
        verdict = (await plan_call(ready, rule=own, approvals={})).verdict
        if ready.tool.is_external or verdict.decision != "ask":
            return verdict
        return Verdict("deny", reason=DENIED)

    return rule
