"""The command line.

In:  the words of a command.
Out: its output, and an exit code.

A module that few commands need is named as an attribute of its package, such as
`cli.serve_process`, and imported by that: `agentkit --help` loads only what it shows.
"""

from types import ModuleType

from agentkit.lazy_import import load_submodule


def __getattr__(name: str) -> ModuleType:
    """Import a module of this package at its first use; see PEP 562."""
    return load_submodule(__name__, name, extra="service")  # the only extra that they need
