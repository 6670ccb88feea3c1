"""Errors keep their facts when they are pickled."""

import pickle

from agentkit.errors import ProviderError, StatusError


def test_an_error_survives_pickling() -> None:
    """A worker process can pass it to its parent with all attributes."""
    error = StatusError(
        "slow down", kind="rate_limit", retry="same", status=429, retry_after_seconds=7
    )
    error.provider = "openrouter"

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is StatusError
    assert str(copy) == "slow down"
    assert vars(copy) == vars(error)
    assert copy.retryable
    assert not ProviderError("x").retryable
