"""Write an explanation as JSON.

In:  an `Explanation`, a `Comparison`.
Out: one JSON document.
"""

from functools import cache

from pydantic import TypeAdapter

from agentkit.surrogates import dump_json
from agentkit.telemetry.explain.comparison import Comparison
from agentkit.telemetry.explain.explanation import Explanation
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    explanation: Explanation
    comparison: Comparison | None = None


def json_view(explanation: Explanation, *, comparison: Comparison | None = None) -> str:
    """Return the fields of `Explanation` and, if there is one, of the comparison."""
    return dump_json(_codec(), _Document(explanation=explanation, comparison=comparison))


@cache
def _codec() -> TypeAdapter[_Document]:
    return TypeAdapter(_Document)
