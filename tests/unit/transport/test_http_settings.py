"""Deadlines and limits are valid or rejected."""

import pytest

from agentkit.transport.http_settings import HttpSettings


@pytest.mark.parametrize(
    "fields",
    [{"connect_seconds": 0}, {"idle_seconds": -1}, {"max_connections": 0}],
    ids=["connect", "idle", "connections"],
)
def test_a_deadline_or_limit_of_zero_is_rejected(fields: dict[str, int]) -> None:
    """No exchange could succeed."""
    ((name, value),) = fields.items()

    with pytest.raises(ValueError, match=f"{name} is more than 0, not {value}"):
        HttpSettings(**fields)
