"""Whether and when a request is retried."""

import pytest

from agentkit.errors import ProviderError
from agentkit.transport.retry import RetrySettings, retry_wait

SETTINGS = RetrySettings(attempts=3, base_seconds=1.0, max_wait_seconds=10.0)


def _error(**facts: object) -> ProviderError:
    return ProviderError("x", **{"retry": "same", **facts})  # type: ignore[arg-type]  # test facts


@pytest.mark.parametrize(
    ("error", "attempt", "wait"),
    [
        pytest.param(_error(), 1, 1.0, id="first"),
        pytest.param(_error(), 2, 2.0, id="twice as long"),
        pytest.param(_error(), 3, None, id="no attempt left"),
        pytest.param(_error(retry="never"), 1, None, id="never"),
        pytest.param(_error(retry="change"), 1, None, id="not the same"),
        pytest.param(_error(retry_after_seconds=7.0), 1, 7.0, id="as the host asks"),
        pytest.param(_error(retry_after_seconds=0.1), 1, 1.0, id="at least our own wait"),
        pytest.param(_error(retry_after_seconds=11.0), 1, None, id="longer than the maximum"),
    ],
)
def test_the_wait_depends_on_error_and_attempt(
    error: ProviderError, attempt: int, wait: float | None
) -> None:
    """With the largest jitter, so that the numbers are round."""
    assert retry_wait(error, attempt=attempt, settings=SETTINGS, spread=1.0) == wait


def test_the_wait_has_a_jitter_of_half_its_length() -> None:
    """Many clients do not return at the same moment."""
    assert retry_wait(_error(), attempt=1, settings=SETTINGS, spread=0.0) == 0.5


def test_the_wait_has_a_maximum() -> None:
    """Doubling ends at the limit."""
    many_attempts = RetrySettings(attempts=100, base_seconds=1.0, max_wait_seconds=10.0)

    assert retry_wait(_error(), attempt=50, settings=many_attempts, spread=1.0) == 10.0


def test_settings_without_an_attempt_are_rejected() -> None:
    """The first attempt counts as one."""
    with pytest.raises(ValueError, match="At least one attempt"):
        RetrySettings(attempts=0)
