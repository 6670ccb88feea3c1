"""Compare two loops alternately, by the operating system's accounting of CPU time.

In:  a context manager that opens both loops for a case.
Out: figures by name; the ratio is the second loop over the first.

The machine may be busy: only measurements taken side by side are compared, and the median of all
rounds counts.
"""

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from statistics import median, quantiles

from benchmarks.case import Case, Run

Figures = Mapping[str, float]
Open = Callable[[Case, int], AbstractAsyncContextManager[tuple[Run, Run]]]
"""Opens the baseline loop and another for a case, on a port."""


async def ratio(opened: Open, case: Case, port: int, *, runs: int, rounds: int) -> Figures:
    """Compare CPU per run, in microseconds."""
    async with opened(case, port) as (run_baseline, run_ours):
        return await _interleaved(run_baseline, run_ours, runs=runs, rounds=rounds)


async def per_delta(opened: Open, case: Case, port: int, *, runs: int, rounds: int) -> Figures:
    """Compare CPU per streamed delta: the additional cost of a longer stream."""
    few = replace(case, deltas=1)
    async with (
        opened(case, port) as (baseline, ours),
        opened(few, port) as (few_baseline, few_ours),
    ):
        pairs = []
        for _ in range(rounds):
            costs = [await cpu(each, runs) for each in (baseline, few_baseline, ours, few_ours)]
            pairs.append(((costs[0] - costs[1]), (costs[2] - costs[3])))
    return compared([(one / case.deltas, other / case.deltas) for one, other in pairs])


async def _interleaved(first: Run, second: Run, *, runs: int, rounds: int) -> Figures:
    pairs = []
    for number in range(rounds + 1):
        order = (first, second) if number % 2 else (second, first)
        costs = {run: await cpu(run, runs) for run in order}
        pairs.append((costs[first], costs[second]))
    return compared(pairs[1:])  # the first round warms up


def compared(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Return the medians of both, and of their ratio."""
    return {
        "baseline": median(one for one, _ in pairs),
        "spread": spread([one for one, _ in pairs]),
        "ours": median(other for _, other in pairs),
        "ratio": median(other / one for one, other in pairs),
    }


def spread(values: list[float]) -> float:
    """Return how far measurements of the same thing are apart: the middle half, over the median."""
    first, middle, third = quantiles(values, n=4)
    return (third - first) / middle


async def cpu(run: Run, runs: int) -> float:
    """Return the CPU time of one run, in microseconds."""
    gc.collect()
    start = time.process_time()
    for _ in range(runs):
        await run()
    return (time.process_time() - start) / runs * 1e6
