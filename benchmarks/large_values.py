"""Measure calls and answers with large nested values, against pydantic alone.

In:  the stub server's port.
Out: CPU per run in milliseconds; the ratio is to `TypeAdapter.validate_json` of the same text.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from pydantic import TypeAdapter

from agentkit import Agent, Budget, tool
from agentkit.message import ToolCall
from agentkit.tools.validate import validate_call
from benchmarks.case import PROMPT, Case, Order
from benchmarks.rounds import Figures
from benchmarks.stub_server import order_text

ITEMS = 1_000


async def nested_arguments(_: int, *, rounds: int) -> Figures:
    """Validate the arguments of one call with a thousand nested items."""
    offered = {name: tool(name=name)(one) for name, one in Case(kind="items").functions().items()}
    text = order_text(ITEMS)
    call = ToolCall(id="c00000001", name="order", arguments=text)
    alone = TypeAdapter(Order)
    ours = _median_ms(lambda: validate_call(call, offered), rounds)
    return {"ms": ours, "pydantic ms": _median_ms(lambda: alone.validate_json(text), rounds)}


async def structured_output(port: int, *, rounds: int) -> Figures:
    """Make runs that end with structured output of half a megabyte."""
    case = Case(calls=0, kind="order")
    agent: Agent[Any, Order] = Agent(
        "openai-compatible:m", base_url=case.url(port), output_type=Order, budget=Budget(turns=2)
    )
    text, alone = order_text(5_000), TypeAdapter(Order)
    found: list[tuple[float, float]] = []
    async with agent:
        for _ in range(rounds + 1):
            start = time.process_time()
            output = (await agent.run(PROMPT)).output
            end = time.process_time()
            if len(output.items) != 5_000:
                raise RuntimeError(f"The output has {len(output.items)} items, not 5,000.")
            found.append(((end - start) * 1e3, _median_ms(lambda: alone.validate_json(text), 5)))
    found = found[1:]  # the first round warms up
    return {
        "KB": len(text) / 1e3,
        "run ms": median(run for run, _ in found),
        "pydantic ms": median(one for _, one in found),
        "ratio": median(run / one for run, one in found),
    }


def _median_ms(function: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        took.append((time.process_time() - start) * 1e3)
    return median(took)
