"""`agentkit sandbox`: a provider on loopback for any other program, correct or faulty.

In:  whose format it follows, which faults its answers have.
Out: its base URL on the first line of standard output, a line for each request on standard error.

It serves until Ctrl-C or a request to terminate, which is a good end: exit code 0.
"""

from collections.abc import Sequence

import anyio

from agentkit import cli
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """What the command line asked for.

    Attributes:
        provider: `PROVIDER` or `PROVIDER:MODEL`.
        faults: names of faults, with commas or one by one; `all` for all.
        port: where to listen; 0 for any free port.
    """

    provider: str = "sandbox"
    faults: Sequence[str] = ()
    seed: int = 0
    rate: float = 1.0
    sequential: bool = False
    port: int = 0


def run_sandbox(options: SandboxOptions) -> int:
    """Serve until it is stopped, and return the exit code.

    Raises:
        ConfigError: the provider or a fault is not known, or the port is taken.
    """
    # The server takes a quarter of a second to load, and other commands need none.
    code: int = anyio.run(cli.commands.sandbox_server.serve_sandbox, options)
    return code
