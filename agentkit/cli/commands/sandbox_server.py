"""Serve the sandbox until it is stopped; see `agentkit.cli.commands.sandbox`.

In:  what the command line asked for.
Out: the exit code.
"""

import signal
from collections.abc import Sequence

import anyio

from agentkit.cli.commands.sandbox import SandboxOptions
from agentkit.cli.exit_codes import OK
from agentkit.cli.terminal import note, write
from agentkit.config.load import default_family, read_catalog
from agentkit.errors import ConfigError
from agentkit.sandbox import FaultPlan, SandboxExchange, sandbox


async def serve_sandbox(options: SandboxOptions) -> int:
    """Serve until a signal, and return the exit code; see `agentkit.cli.commands.sandbox`."""
    provider, model = _find_model(options.provider)
    plan = FaultPlan(
        kinds=_split(options.faults),
        seed=options.seed,
        rate=options.rate,
        sequential=options.sequential,
    )
    async with sandbox(
        model, provider=provider, faults=plan, port=options.port, listener=_print_exchange
    ) as running:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            write(f"{running.base_url}\n")
            key = f", key {running.api_key}" if running.api_key else ""
            note(f"{running.model}{key}; not a language model. Ctrl-C stops it.", style="dim")
            async for _ in signals:
                break
    return OK


def _find_model(name: str) -> tuple[str, str]:
    """Return the provider and the model: the one that is named, else the provider's usual one."""
    provider, _, model = name.strip().partition(":")
    provider = provider.casefold()
    if model:
        return provider, model
    known = read_catalog().get(provider)
    family = None if known is None else default_family(known)
    if known is not None and family is None:
        raise ConfigError(
            f"The catalog names no model of {provider!r}; write {f'{provider}:MODEL-ID'!r}."
        )
    return provider, family or ""


def _split(names: Sequence[str]) -> tuple[str, ...]:
    given = (name.strip() for some in names for name in some.split(","))
    return tuple("*" if name == "all" else name for name in given if name)


def _print_exchange(exchange: SandboxExchange) -> None:
    """Write a line about one exchange."""
    status = "no status" if exchange.status is None else str(exchange.status)
    fault = f" ({exchange.fault})" if exchange.fault else ""
    note(f"{exchange.request.method} {exchange.request.path} → {status}{fault}")
