"""Hosts that are started for as long as a model is open.

In:  what stands after the colon in the model's name.
Out: the base URL of a server on loopback.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Launcher(Protocol):
    """Starts a host; named in a profile as `module:name`."""

    def __call__(self, model: str) -> AbstractAsyncContextManager[str]:
        """Start the host for `model`, yield its base URL, and stop it afterwards."""
