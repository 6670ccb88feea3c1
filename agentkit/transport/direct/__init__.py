"""HTTP/1.1 over a connection pool of our own.

In:  encoded requests.
Out: responses, as bytes arrive.
"""

from types import ModuleType

from agentkit.lazy_import import load_submodule


def __getattr__(name: str) -> ModuleType:
    """Import a module of this package at its first use; see `agentkit.lazy_import`."""
    return load_submodule(__name__, name)
