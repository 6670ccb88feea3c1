"""One small interface over SQLite and PostgreSQL, and the tables that agentkit keeps there.

In:  the URL of a database.
Out: a `Store`.
"""

from types import ModuleType

from agentkit.lazy_import import load_submodule


def __getattr__(name: str) -> ModuleType:
    """Import a module of this package at its first use; see `agentkit.lazy_import`."""
    return load_submodule(__name__, name, extra="postgres")
