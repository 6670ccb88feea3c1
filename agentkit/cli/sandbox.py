"""`agentkit sandbox`: a host on loopback for any other program, honest or not.

In:  whose form it speaks, what it shall do wrong.
Out: its base URL on the first line of standard output, a line for each request on standard error.

It serves until Ctrl-C or a request to terminate, which is a good end: exit code 0.
"""

import signal
import sys
from collections.abc import Sequence
from functools import partial

import anyio

from agentkit.cli.ending import OK
from agentkit.cli.terminal import note
from agentkit.config.load import default_family, read_catalog
from agentkit.errors import ConfigError
from agentkit.testing.sandbox import Misbehave, SandboxExchange, sandbox
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPlan:
    """What the command line asked for.

    Attributes:
        host: `HOST` or `HOST:MODEL`.
        misbehave: names of misbehaviours, with commas or one by one; `all` for all.
        port: where to listen; 0 for any free port.
    """

    host: str = "sandbox"
    misbehave: Sequence[str] = ()
    seed: int = 0
    rate: float = 1.0
    in_order: bool = False
    port: int = 0


def run_sandbox(plan: SandboxPlan) -> int:
    """Serve until it is stopped, and return the exit code.

    Raises:
        ConfigError: the host or a misbehaviour is not known, or the port is taken.
    """
    return anyio.run(partial(serve_sandbox, plan))


async def serve_sandbox(plan: SandboxPlan) -> int:
    """Serve until a signal, and return the exit code; see `run_sandbox`."""
    host, model = _find_model(plan.host)
    misbehave = Misbehave(
        kinds=_split(plan.misbehave), seed=plan.seed, rate=plan.rate, in_order=plan.in_order
    )
    async with sandbox(
        model, host=host, misbehave=misbehave, port=plan.port, tell=_tell
    ) as running:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            sys.stdout.write(f"{running.base_url}\n")
            sys.stdout.flush()
            key = f", key {running.api_key}" if running.api_key else ""
            note(f"{running.model}{key}; not a language model. Ctrl-C stops it.", style="dim")
            async for _ in signals:
                break
    return OK


def _find_model(name: str) -> tuple[str, str]:
    """Return the host and the model: the one that is named, else the host's usual one."""
    host, _, model = name.strip().partition(":")
    host = host.casefold()
    if model:
        return host, model
    known = read_catalog().get(host)
    family = None if known is None else default_family(known)
    if known is not None and family is None:
        raise ConfigError(f"The catalog names no model of {host!r}; write {f'{host}:MODEL-ID'!r}.")
    return host, family or ""


def _split(names: Sequence[str]) -> tuple[str, ...]:
    given = (name.strip() for some in names for name in some.split(","))
    return tuple("*" if name == "all" else name for name in given if name)


def _tell(exchange: SandboxExchange) -> None:
    """Write a line about one exchange."""
    status = "no status" if exchange.status is None else str(exchange.status)
    deed = f" ({exchange.misbehaviour})" if exchange.misbehaviour else ""
    note(f"{exchange.request.method} {exchange.request.path} → {status}{deed}")
