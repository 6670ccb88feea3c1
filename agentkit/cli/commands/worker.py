"""`agentkit worker`: do the runs that are queued in a database.

In:  which agents, which database.
Out: the exit code; the work is loaded on use.
"""

from typing import Annotated

import typer

from agentkit import cli
from agentkit.cli.database_option import DatabaseOption
from agentkit.cli.shared_options import exits_with_code
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRequest:
    """What the command line asked for.

    Attributes:
        target: `module:agents`, `file.py`, or names of ready-made agents.
        grace_seconds: how long runs that are under way may take to end.
        metrics: where to serve metrics, as `HOST:PORT`; None for nowhere.
    """

    target: str
    db: str | None
    concurrency: int
    name: str
    grace_seconds: float
    text_deltas: bool
    metrics: str | None = None


@exits_with_code
def worker(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="module:agents, file.py with 'agents' or 'agent', or ready-made agents by name.",
        ),
    ],
    *,
    db: DatabaseOption = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Runs at the same time.")
    ] = 10,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="For logs; workers may share it.")
    ] = "worker",
    grace: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="How long runs may take to end on SIGTERM."),
    ] = 30.0,
    text_deltas: Annotated[
        bool,
        typer.Option("--text-deltas", help="Store text as it arrives, for readers of events."),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve metrics for Prometheus there, at /metrics, without a token.",
        ),
    ] = None,
) -> int:
    """Do the runs that are queued in a database, until SIGTERM or Ctrl-C.

    Runs that do not end in the grace time are put back for another worker. A second signal ends the
    grace time.
    """
    code: int = cli.worker_process.run_worker(
        WorkerRequest(
            target=target,
            db=db,
            concurrency=concurrency,
            name=name,
            grace_seconds=grace,
            text_deltas=text_deltas,
            metrics=metrics,
        )
    )
    return code
