"""Make runs while valgrind counts the instructions, and the same with a piece of plain Python.

In:  the port of the benchmarks' host.
Out: two parts of callgrind's counts: first of the plain piece, then of the runs.

Only what is asked for is counted: the import would take most of the time.
"""

import gc
import json
import os
import subprocess
import sys

import anyio

from agentkit import Agent, tool

RUNS = 5
PLAIN_ROUNDS = 100
TURNS = 4


@tool
async def convert(amount: float, rate: float) -> float:
    """Convert an amount of money."""
    return amount * rate


def plain(rounds: int) -> int:
    """Do what any loop does: spell a conversation that grows, read an answer, call functions."""
    total = 0
    for _ in range(rounds):
        messages: list[dict[str, object]] = []
        for turn in range(TURNS):
            messages.append({"role": "user", "content": f"text {turn}"})
            body = json.dumps({"model": "m", "messages": messages})
            total += sum(len(part) for part in body.split(",")) + len(json.loads(body))
    return total


def tell_valgrind(*words: str) -> None:
    """Tell the valgrind that runs this process; it answers when it has done so."""
    subprocess.run(["vgdb", f"--pid={os.getpid()}", *words], check=True, capture_output=True)  # noqa: S603, S607


async def main(port: str) -> None:
    """Warm up, then count."""
    agent: Agent[None] = Agent(
        "openai-compatible:m",
        base_url=f"http://127.0.0.1:{port}/{TURNS - 1}/0/0/text",
        tools=[convert],
    )
    async with agent:
        for _ in range(3):
            await agent.run("What is 20 EUR in USD at 1.08?")
        plain(1)
        gc.collect()
        gc.disable()
        tell_valgrind("instrumentation", "on")
        plain(PLAIN_ROUNDS)
        tell_valgrind("dump", "plain")
        for _ in range(RUNS):
            await agent.run("What is 20 EUR in USD at 1.08?")
        tell_valgrind("dump", "runs")
        tell_valgrind("instrumentation", "off")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
