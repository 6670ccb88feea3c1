"""The commands of `agentkit mcp`.

In:  the words of a command.
Out: its output, and an exit code.
"""

from types import ModuleType

from agentkit.lazy_import import load_submodule


def __getattr__(name: str) -> ModuleType:
    """Import a module of this package at its first use; see `agentkit.cli`."""
    return load_submodule(__name__, name, extra="mcp")
