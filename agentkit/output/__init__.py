"""Structured output: the type of an answer, how it is requested and how it is read.

In:  an output type; the answers of a model.
Out: what a request has to say about it; values of the type.
"""

from types import ModuleType

from agentkit.lazy_import import load_submodule


def __getattr__(name: str) -> ModuleType:
    """Import a module of this package at its first use; see `agentkit.lazy_import`."""
    return load_submodule(__name__, name)
