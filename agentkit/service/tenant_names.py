"""Names of runs and conversations that callers choose, apart for each tenant.

In:  a name, a tenant.
Out: the name under which it is stored, and the other way round.

Names are unique in a database. If two tenants chose the same one, the second would learn from the
refusal that the first has it; so the name of a tenant is stored with a prefix. Without tenants a
name is stored as it is.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agentkit.durable.run_errors import RunNotFoundError
from agentkit.session import SessionNotFoundError

T = TypeVar("T")

_PREFIX_LENGTH = 12


def stored_name(name: str, tenant: str) -> str:
    """Return the name under which a name of a tenant is stored."""
    return _prefix(tenant) + name


def shown_name(name: str, tenant: str) -> str:
    """Return a stored name as its tenant knows it."""
    return name.removeprefix(_prefix(tenant))


async def find_named(name: str, tenant: str, get: Callable[[str], Awaitable[T]]) -> T:
    """Return what a tenant means by a name: what it named, or what was named elsewhere.

    Raises:
        AgentKitError: there is nothing of this name for the tenant.
    """
    if not tenant:
        return await get(name)
    try:
        return await get(stored_name(name, tenant))
    except (RunNotFoundError, SessionNotFoundError):
        return await get(name)


async def new_name(
    name: str | None, tenant: str, get: Callable[[str], Awaitable[object]]
) -> str | None:
    """Return the name under which something new is stored; None if none was chosen."""
    if name is None or not tenant:
        return name
    try:
        await get(name)  # of this tenant, and named elsewhere, e.g. by a program
    except (RunNotFoundError, SessionNotFoundError):
        return stored_name(name, tenant)
    return name


def _prefix(tenant: str) -> str:
    if not tenant:
        return ""
    return f"{hashlib.sha256(tenant.encode()).hexdigest()[:_PREFIX_LENGTH]}:"
