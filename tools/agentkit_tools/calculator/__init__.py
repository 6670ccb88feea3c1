"""Calculate arithmetic expressions exactly.

In:  an expression as people and models write it.
Out: `TOOLS`: the tool `calculate`.
"""

from typing import Annotated

from pydantic import Field

from agentkit import ToolError, tool
from agentkit_tools.calculator.number import ArithmeticFault, format_number
from agentkit_tools.calculator.parse import evaluate
from agentkit_tools.calculator.token import ExpressionFault

__all__ = ["TOOLS", "calculate"]


@tool(title="Calculator", read_only=True, idempotent=True, open_world=False, tags=("math",))
def calculate(
    expression: Annotated[
        str, Field(examples=["12.5% of 640 + sqrt(1764)", "(3.5 - 2) * 4^2", "sin(30°)"])
    ],
) -> str:
    """Calculate the value of an arithmetic expression, exactly if possible.

    Knows + - * / ^ ! mod, percentages ("12.5% of 640"; "200 + 15%" is 230), parentheses, pi, e and
    functions: sqrt, cbrt, root(x, n), abs, round(x, n), floor, ceil, min, max, sum, mean, median,
    gcd, lcm, ln, log10, log2, log(x, base), exp, sin, cos, tan (radians; 30° for degrees),
    comb(n, k), perm(n, k). A result that had to be rounded begins with ≈.

    Args:
        expression: the arithmetic expression, e.g. "12.5% of 640 + sqrt(1764)".
    """
    try:
        return format_number(evaluate(expression.strip().rstrip("=? ")))
    except ExpressionFault as fault:
        raise ToolError(f"The expression cannot be read: {fault}.") from fault
    except ArithmeticFault as fault:
        raise ToolError(f"The expression has no result: {fault}.") from fault


TOOLS = (calculate,)
