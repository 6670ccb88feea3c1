"""What the routes of one service share.

In:  the agents, the settings, what is kept where.
Out: `ServiceState`.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio

from agentkit.agent.agent import Agent
from agentkit.clock import Clock
from agentkit.durable import Runs
from agentkit.durable.run_watch import RunWatch
from agentkit.service.access_tokens import Authenticator
from agentkit.service.caller_limits import CallerLimits
from agentkit.service.http_errors import ServiceError
from agentkit.service.idempotency import Idempotency
from agentkit.service.page.turns import StoredTurns
from agentkit.service.served import Caller, ServedAgent
from agentkit.service.service_settings import ServiceSettings
from agentkit.service.spending import MemoryLedger, Spending
from agentkit.service.stored_responses import StoredResponses
from agentkit.service.wire_format import AnswerHead
from agentkit.session import Sessions


class ServiceState:
    """What the routes of one service share.

    Attributes:
        agents: by name.
        quiet_agents: the same, with a denial of calls that need approval.
        settings: see `ServiceOptions`.
        auth: None lets everyone in.
        created: seconds since 1970 when the service began.
        sessions: stored conversations; None while the service is not open.
        runs: stored runs; None while the service is not open.
        watch: wakes readers of stored runs; None while the service is not open.
        responses: stored answers; None while the service is not open.
        turns: turns of conversations as stored runs; None while the service is not open.
    """

    def __init__(
        self,
        agents: Mapping[str, ServedAgent],
        *,
        settings: ServiceSettings,
        auth: Authenticator | None,
        clock: Clock,
    ) -> None:
        self.agents = agents
        self.settings = settings
        self.auth = auth
        self.clock = clock
        self.created: int = int(clock.now().timestamp())
        self.limits: CallerLimits = CallerLimits(
            max_streams=settings.max_streams, now=clock.monotonic
        )
        self.spending: Spending = Spending(MemoryLedger(), clock=clock)
        self.idempotency: Idempotency = Idempotency(now=clock.monotonic)
        self.sessions: Sessions | None = None
        self.runs: Runs | None = None
        self.watch: RunWatch | None = None
        self.responses: StoredResponses | None = None
        self.turns: StoredTurns | None = None
        self.quiet_agents: dict[str, Agent[Any, Any]] = {}
        self.refresh_agents()
        self._is_stopping = False
        self._scopes: set[anyio.CancelScope] = set()
        self._readers: set[anyio.CancelScope] = set()

    def refresh_agents(self) -> None:
        """Make the agents that deny questions, with the connections that are open now."""
        self.quiet_agents = {name: one.without_questions() for name, one in self.agents.items()}

    @property
    def is_stopping(self) -> bool:
        """Return whether nothing new is begun any more."""
        return self._is_stopping

    def stop_accepting(self) -> None:
        """Begin nothing new; what is under way goes on."""
        self._is_stopping = True
        if self.runs is not None:
            self.runs.stop_taking()
        for scope in tuple(self._readers):
            scope.cancel()

    def cancel_all(self) -> None:
        """End what is under way."""
        for scope in tuple(self._scopes):
            scope.cancel()

    @contextmanager
    def stoppable(self, *, is_reader: bool = False) -> Iterator[anyio.CancelScope]:
        """Yield a scope, to be entered, that `cancel_all` cancels.

        Args:
            is_reader: `stop_accepting` cancels it already: its client comes again elsewhere.
        """
        scope = anyio.CancelScope()
        scopes = self._readers if is_reader else self._scopes
        scopes.add(scope)
        try:
            yield scope
        finally:
            scopes.discard(scope)

    def require_running(self) -> None:
        """Refuse what would begin something new while the service stops.

        Raises:
            ServiceError: it stops.
        """
        if self._is_stopping:
            raise self.stopping_error()

    def stopping_error(self) -> ServiceError:
        """Return the error for what cannot begin or go on any more."""
        return ServiceError(
            "The server is shutting down.",
            status=503,
            code="shutting_down",
            headers={"retry-after": "5"},
        )

    def find_agent(self, name: str, caller: Caller) -> ServedAgent:
        """Return an agent.

        Raises:
            ServiceError: there is none of this name, or the caller may not use it.
        """
        found = self.agents.get(name) if caller.may_use(name) else None
        if found is None:
            raise ServiceError(
                f"The model {name[:200]!r} does not exist.",
                status=404,
                code="model_not_found",
                param="model",
            )
        return found

    def require_runs(self) -> Runs:
        """Return the stored runs.

        Raises:
            ServiceError: the service is not open.
        """
        if self.runs is None:
            raise ServiceError("The service is not open yet.", status=503)
        return self.runs

    def require_watch(self) -> RunWatch:
        """Return what wakes readers of stored runs.

        Raises:
            ServiceError: the service is not open.
        """
        if self.watch is None:
            raise ServiceError("The service is not open yet.", status=503)
        return self.watch

    def require_responses(self) -> StoredResponses:
        """Return the stored answers.

        Raises:
            ServiceError: the service is not open.
        """
        if self.responses is None:
            raise ServiceError("The service is not open yet.", status=503)
        return self.responses

    def require_turns(self) -> StoredTurns:
        """Return the turns of conversations.

        Raises:
            ServiceError: the service is not open.
        """
        if self.turns is None:
            raise ServiceError("The service is not open yet.", status=503)
        return self.turns

    def names_for(self, caller: Caller) -> list[str]:
        """Return the names of the agents that a caller may use."""
        return [name for name in self.agents if caller.may_use(name)]

    def new_head(self, model: str) -> AnswerHead:
        """Return the beginning of a new answer."""
        created = int(self.clock.now().timestamp())
        return AnswerHead(id=secrets.token_hex(12), model=model, created=created)
