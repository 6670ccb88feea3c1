"""Measure one case in this process, by the operating system's accounting of CPU time.

In:  the case's name, the server's port, the number of rounds.
Out: figures by name; ratios are agentkit over the baseline loop, measured alternately.

The machine may be busy: only measurements taken side by side are compared, and the median of all
rounds counts.
"""

import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median, quantiles

import anyio
from pydantic import JsonValue

from agentkit import tool
from agentkit.cli.garbage_collection import spare_full_collections
from agentkit.tools.tool import Tool
from benchmarks.case import PROMPT, Case, Run
from benchmarks.cases import agent_of, opened, opened_both_ways
from benchmarks.command_line import command_line
from benchmarks.large_values import nested_arguments, structured_output
from benchmarks.mcp_calls import mcp_calls
from benchmarks.rounds import Figures, compared, cpu, per_delta, ratio
from benchmarks.service import complete_request, many_streams
from benchmarks.sessions import sessions
from benchmarks.stored_runs import stored_runs, two_workers
from benchmarks.telemetry import opened_exported

PAGE_BYTES = 4096
SCHEMAS = 235


async def growth(port: int, *, rounds: int) -> Figures:
    """Compare the additional cost of a turn per 100 turns before it."""
    short, long = Case(calls=50), Case(calls=350)
    pairs = []
    async with opened(short, port) as first, opened(long, port) as second:
        for _ in range(rounds):
            slopes = []
            for near, far in zip(first, second, strict=True):
                a, b = await cpu(near, 6), await cpu(far, 1)
                slopes.append((b / (long.calls + 1) - a / (short.calls + 1)) * 2 / 300 * 100)
            pairs.append((slopes[0], slopes[1]))
    return compared(pairs)


async def late_turns(port: int, *, turns: int) -> Figures:
    """Compare the last hundred turns of a long run with the first hundred."""
    case = Case(calls=turns)
    times: list[float] = []

    async def convert(amount: float, rate: float) -> float:
        """Convert an amount of money."""
        times.append(time.process_time())
        return amount * rate

    async with agent_of(case, port, [tool(convert)]) as agent:
        case.checked((await agent.run(PROMPT)).output)
    early, late = times[100] - times[0], times[-1] - times[-101]
    return {"early us": early * 1e4, "late us": late * 1e4, "ratio": late / early}


async def many_tools(port: int, *, tools: int, rounds: int) -> Figures:
    """Make runs that offer many tools."""
    async with opened(Case(tools=tools), port) as (_, ours):
        await ours()
        return {"ms per run": median([await cpu(ours, 20) / 1000 for _ in range(rounds)])}


async def load_of_service(port: int, *, at_once: int, rounds: int) -> Figures:
    """Make many runs at once with the garbage collector set as `agentkit serve` sets it."""
    spare_full_collections()
    return await load(port, at_once=at_once, rounds=rounds, with_baseline=False)


async def load(port: int, *, at_once: int, rounds: int, with_baseline: bool) -> Figures:
    """Make many runs at once; the server delays each of two responses by 200 ms."""
    case = Case(delay_ms=200, max_connections=max(at_once, 1_000))
    figures: dict[str, float] = {}
    async with opened(case, port) as runs, opened(Case(), port) as alone:
        single = await cpu(alone[1], 300)
        # Ours is first: memory that the first one frees would hide what the second one needs.
        for name, run in (("ours", runs[1]), ("baseline", runs[0]))[: 2 if with_baseline else 1]:
            cold, *warm = [await _crowd(run, at_once) for _ in range(rounds + 1)]
            figures[f"{name} p99 s, cold"] = cold[0]
            figures[f"{name} p99 s"] = median(one[0] for one in warm)
            figures[f"{name} CPU per run us"] = median(one[1] for one in warm)
            if name == "ours":
                figures["ours KB per waiting run"] = cold[2]
        figures["ours CPU per run alone us"] = single
    figures["ratio to ideal 0.4 s"] = figures["ours p99 s"] / 0.4
    figures["CPU ratio to alone"] = figures["ours CPU per run us"] / single
    return figures


async def memory(port: int, *, runs: int) -> Figures:
    """Make many runs in a row and measure the memory of the process."""
    async with opened(Case(), port) as (_, ours):
        for _ in range(500):
            await ours()
        gc.collect()
        early = _resident()
        for _ in range(runs - 500):
            await ours()
        gc.collect()
    return {
        "KB after 500": early / 1024,
        "KB at the end": _resident() / 1024,
        "ratio": _resident() / early,
    }


async def registering(_: int) -> Figures:
    """Build tools from as many schemas as a few MCP servers offer."""
    schemas = [_schema(n) for n in range(SCHEMAS)]
    start = time.process_time()
    for n, schema in enumerate(schemas):
        Tool.from_schema(
            name=f"tool_{n}", description="Does something.", input_schema=schema, handler=_handler
        )
    return {"ms": (time.process_time() - start) * 1000}


async def in_browser(port: int, *, case: str) -> Figures:
    """Measure in a browser; Playwright is loaded for such a case only, not into all processes."""
    figures: Figures = await getattr(import_module("benchmarks.chat_page"), case)(port)
    return figures


CASES: Mapping[str, Callable[[int], Awaitable[Figures]]] = {
    "short run, 1 tool": partial(ratio, opened, Case(), runs=60, rounds=9),
    "short run, 20 tools": partial(ratio, opened, Case(tools=20), runs=60, rounds=9),
    "short run, plain function": partial(ratio, opened, Case(is_plain=True), runs=60, rounds=9),
    "short run, tool waits 2 ms": partial(ratio, opened, Case(tool_ms=2), runs=60, rounds=9),
    "agent not entered, over one that is": partial(
        ratio, opened_both_ways, Case(), runs=60, rounds=9
    ),
    "100-turn run": partial(ratio, opened, Case(calls=99), runs=1, rounds=7),
    "100-turn run, 2 KB results": partial(
        ratio, opened, Case(calls=99, is_long=True), runs=1, rounds=7
    ),
    "nested arguments, 1,000 items": partial(nested_arguments, rounds=15),
    "structured output, half a megabyte": partial(structured_output, rounds=9),
    "late turns of 2,000 over early ones": partial(late_turns, turns=2_000),
    "1,000 tools offered": partial(many_tools, tools=1_000, rounds=7),
    "MCP call over stdio, over the SDK's client": partial(mcp_calls, calls=100, rounds=7),
    "command line": command_line,
    "growth per 100 turns": partial(growth, rounds=7),
    "streamed delta, text": partial(
        per_delta, opened, Case(calls=0, deltas=2000), runs=3, rounds=7
    ),
    "streamed delta, arguments": partial(
        per_delta, opened, Case(calls=1, deltas=2000, kind="arguments"), runs=3, rounds=7
    ),
    "100 at once, server 200 ms": partial(load, at_once=100, rounds=5, with_baseline=True),
    "1,000 at once, server 200 ms": partial(load, at_once=1000, rounds=3, with_baseline=False),
    "235 schemas": registering,
    "spans exported": partial(ratio, opened_exported, Case(), runs=60, rounds=9),
    "spans and metrics exported": partial(
        ratio, partial(opened_exported, has_metrics=True), Case(), runs=60, rounds=9
    ),
}
"""The cases of a default benchmark."""

LONG_CASES: Mapping[str, Callable[[int], Awaitable[Figures]]] = {
    "5,000 at once, server 200 ms": partial(load, at_once=5000, rounds=3, with_baseline=False),
    "5,000 at once, rare full collections": partial(load_of_service, at_once=5000, rounds=3),
    "1,000 at once, with the baseline": partial(load, at_once=1000, rounds=1, with_baseline=True),
    "10,000 runs in a row": partial(memory, runs=10_000),
    "durable: runs, SQLite": partial(stored_runs, kind="sqlite"),
    "durable: runs, PostgreSQL": partial(stored_runs, kind="postgresql"),
    "durable: two workers against one": two_workers,
    "durable: conversations, SQLite": partial(sessions, kind="sqlite"),
    "durable: conversations, PostgreSQL": partial(sessions, kind="postgresql"),
    "service: complete request": partial(complete_request, requests=300, rounds=7),
    "service: 200 streams": partial(many_streams, rounds=3),
    "service: chat page": partial(in_browser, case="page_ready"),
    "service: chat page, 2,000 messages": partial(in_browser, case="scrolling"),
}
"""The cases that take minutes."""


async def _crowd(run: Run, at_once: int) -> tuple[float, float, float]:
    """Return the slowest 1 % in seconds, CPU per run in microseconds, KB per waiting run."""
    took: list[float] = []
    highest = 0

    async def one() -> None:
        start = time.perf_counter()
        await run()
        took.append(time.perf_counter() - start)

    async def watch() -> None:
        nonlocal highest
        while len(took) < at_once:
            highest = max(highest, _resident())
            await anyio.sleep(0.02)

    gc.collect()
    before, cpu = _resident(), time.process_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        for _ in range(at_once):
            tasks.start_soon(one)
    spent = (time.process_time() - cpu) / at_once * 1e6
    return quantiles(took, n=100)[-1], spent, (highest - before) / at_once / 1024


def _resident() -> int:
    """Return the resident memory of the process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def _schema(number: int) -> dict[str, JsonValue]:
    """Return the schema of a typical tool of an MCP server, different for each number."""
    return {
        "type": "object",
        "properties": {
            f"path_{number}": {"type": "string", "description": "the path", "minLength": 1},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100 + number, "default": 10},
            "labels": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "state": {"enum": ["open", "closed", "all"]},
            "options": {
                "type": "object",
                "properties": {"deep": {"type": "boolean"}, "since": {"type": "string"}},
                "additionalProperties": False,
            },
        },
        "required": [f"path_{number}"],
    }


def _handler(arguments: Mapping[str, object]) -> str:
    return str(arguments)
