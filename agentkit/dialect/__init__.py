"""How a provider encodes a chat: values and bytes, no I/O.

In:  requests; the bytes of answers.
Out: bytes to send; what an answer holds.
"""

from types import ModuleType

from agentkit.lazy_import import load_submodule


def __getattr__(name: str) -> ModuleType:
    """Import a module of this package at its first use; see `agentkit.lazy_import`."""
    return load_submodule(__name__, name)
