"""Errors about stored runs.

In:  what is wrong with a request about a run.
Out: one family under `AgentKitError`.
"""

from agentkit.errors import AgentKitError


class StoredRunError(AgentKitError):
    """Base of the errors about stored runs."""


class RunNotFoundError(StoredRunError):
    """There is no run with this id for the tenant."""


class RunExistsError(StoredRunError):
    """The id is in use by a run with another agent or another input."""


class RunStatusError(StoredRunError):
    """The run is not in a status that permits this, e.g. it has ended."""


class DecisionError(StoredRunError):
    """The decision is about a call that does not wait for one, or was decided before."""
