"""What a caller may set for the worker of a process.

In:  keyword arguments.
Out: `WorkerOptions`, their type; `WorkerSettings`, the values that count.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypedDict

from agentkit.agent.agent import Agent
from agentkit.durable.run_info import RunInfo
from agentkit.errors import ConfigError
from agentkit.value import dataclass

Deps: TypeAlias = Callable[[RunInfo], Any]
"""Returns the deps of a run, or an awaitable of them."""


class WorkerOptions(TypedDict, total=False):
    """Options of the worker in this process.

    Attributes:
        deps: returns the deps of a run, or an awaitable of them; needed for agents with a
            `deps_type`. They are never stored.
        concurrency: how many runs are done here at the same time, 1 or more; 10.
        max_lives: a run is dead after so many of its lives ended with their process; 5.
        worker_name: for people; workers may share it.
        text_deltas: store pieces of answers as events, so that readers see text as it comes.
    """

    deps: Deps | None
    concurrency: int
    max_lives: int
    worker_name: str
    text_deltas: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The options of a worker with their defaults; see `WorkerOptions`.

    Attributes:
        name: unique among all workers that have ever worked on the database.
    """

    name: str
    deps: Deps | None = None
    concurrency: int = 10
    max_lives: int = 5
    text_deltas: bool = False


def read_worker_options(
    options: WorkerOptions, agents: Mapping[str, Agent[Any, Any]]
) -> WorkerSettings:
    """Return the options of a worker, with the defaults of those that were not given.

    Raises:
        TypeError: there is no option of this name.
        ValueError: a number is less than 1.
        ConfigError: an agent needs deps.
    """
    if unknown := sorted(options.keys() - WorkerOptions.__annotations__.keys()):
        raise TypeError(
            f"open_runs has no option {unknown[0]!r}; it has url, agents, migrate, clock, "
            f"{', '.join(sorted(WorkerOptions.__annotations__))}."
        )
    given = dict(options)
    name = f"{given.pop('worker_name', 'worker')}-{secrets.token_hex(8)}"
    settings = WorkerSettings(name=name, **given)  # type: ignore[arg-type]  # checked above
    if settings.concurrency < 1 or settings.max_lives < 1:
        raise ValueError(
            f"concurrency={settings.concurrency} and max_lives={settings.max_lives} must be 1 or "
            "more."
        )
    for agent_name, agent in agents.items():
        if agent.deps_type is not None and settings.deps is None:
            raise ConfigError(
                f"The tools of the agent {agent_name!r} use a value of type "
                f"{agent.deps_type.__qualname__!r}; give a function that returns it for a run: "
                "open_runs(…, deps=…)."
            )
    return settings
