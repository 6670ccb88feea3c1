"""Commands that see only their folder and a read-only system.

In:  a folder, limits, a command.
Out: how the command ended; `Isolation`, `CommandLimits`, `run_isolated`.

There is no way around the isolation: if it cannot be had, there is an error and nothing runs.
"""

from agentkit_tools.isolation.bubblewrap import Isolation
from agentkit_tools.isolation.command import CommandEnded, check_isolation, run_isolated
from agentkit_tools.isolation.limits import CommandLimits

__all__ = ["CommandEnded", "CommandLimits", "Isolation", "check_isolation", "run_isolated"]
