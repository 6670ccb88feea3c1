"""`agentkit serve`: offer agents to clients of OpenAI and Anthropic.

In:  which agents, where, for whom.
Out: the exit code; the work is loaded on use.
"""

from pathlib import Path
from typing import Annotated

import typer

from agentkit import cli
from agentkit.cli.shared_options import exits_with_code
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """What the command line asked for.

    Attributes:
        target: `module:agents`, `file.py`, or names of ready-made agents.
        db: the address of a database; None for memory.
        tokens: a file of tokens; None for those in the database, if it has any.
        drain_seconds: how long answers that are under way may take to end.
        has_metrics: whether `/metrics` is served.
        has_page: whether the chat page is served.
        has_mcp: whether `/mcp` is served.
    """

    target: str
    db: str | None
    host: str
    port: int
    tokens: Path | None
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    drain_seconds: float
    has_metrics: bool
    has_page: bool
    has_mcp: bool


@exits_with_code
def serve(  # noqa: PLR0913 - the options of a command
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="module:agents, file.py with 'agents' or 'agent', or ready-made agents by name.",
        ),
    ],
    *,
    db: Annotated[
        str | None,
        typer.Option(
            "--db", metavar="URL", help="sqlite:FILE or postgresql://…; without it, memory."
        ),
    ] = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="P", help="Port to listen on; 0 for any.")
    ] = 8000,
    tokens: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tokens of clients; otherwise those in the database, if it has any.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Host name of the service. May be repeated."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Origin of a web page that may call. May be repeated."),
    ] = None,
    drain: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="How long answers may take on SIGTERM."),
    ] = 30.0,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Serve metrics for Prometheus at /metrics.")
    ] = False,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Leave out the chat page at /.")] = False,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Serve the agents to MCP clients at /mcp.")
    ] = False,
) -> int:
    """Serve agents to people and to programs that talk to OpenAI or Anthropic.

    The address that is printed shows a page to chat with them in a browser. For programs it is the
    base URL, with /v1 for OpenAI, and the name of an agent is the model. SIGTERM or Ctrl-C ends it.
    Without tokens, only this machine is served. A second signal stops at once.
    """
    code: int = cli.serve_process.run_service(
        ServeRequest(
            target=target,
            db=db,
            host=host,
            port=port,
            tokens=tokens,
            allowed_hosts=tuple(allow_host or ()),
            allowed_origins=tuple(allow_origin or ()),
            drain_seconds=drain,
            has_metrics=metrics,
            has_page=not no_ui,
            has_mcp=mcp,
        )
    )
    return code
