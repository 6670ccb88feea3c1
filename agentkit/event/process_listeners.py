"""Listeners of all runs of this process, for observers that are set up once.

In:  listeners.
Out: the same, for each outermost run that begins after they were added.
"""

from collections.abc import Sequence

from agentkit.event.record import Listener

_listeners: list[Listener] = []


def add_process_listener(listener: Listener) -> None:
    """Add a listener of all runs that begin from now on; runs inside them report to it too."""
    if listener not in _listeners:
        _listeners.append(listener)


def remove_process_listener(listener: Listener) -> None:
    """Remove a listener; runs that have begun still report to it."""
    if listener in _listeners:
        _listeners.remove(listener)


def process_listeners() -> Sequence[Listener]:
    """Return the listeners in the order they were added."""
    return _listeners
