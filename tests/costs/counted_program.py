"""Make runs while valgrind counts the instructions, and run a piece of plain Python likewise.

In:  the port of the benchmarks' stub server.
Out: three parts of callgrind's counts: of the plain Python, of the runs, of a streamed answer.

Counting is switched on only for these: the import would dominate the count.
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
DELTAS = 300


@tool
async def convert(amount: float, rate: float) -> float:
    """Convert an amount of money."""
    return amount * rate


def plain(rounds: int) -> int:
    """Do what any loop does: encode a growing conversation, decode a response, call functions."""
    total = 0
    for _ in range(rounds):
        messages: list[dict[str, object]] = []
        for turn in range(TURNS):
            messages.append({"role": "user", "content": f"text {turn}"})
            body = json.dumps({"model": "m", "messages": messages})
            total += sum(len(part) for part in body.split(",")) + len(json.loads(body))
    return total


def command_valgrind(*words: str) -> None:
    """Send a command to the valgrind that runs this process, and wait until it is done."""
    subprocess.run(["vgdb", f"--pid={os.getpid()}", *words], check=True, capture_output=True)  # noqa: S603, S607


def agent_of(port: str, *, calls: int, deltas: int) -> Agent[None]:
    """Return an agent whose model makes this many calls; its streams have so many deltas."""
    return Agent(
        "openai-compatible:m",
        base_url=f"http://127.0.0.1:{port}/{calls}/0/{deltas}/text",
        tools=[convert],
    )


async def stream(agent: Agent[None]) -> None:
    """Make a run and read its events."""
    async with agent.stream("Count.") as run:
        async for _ in run:
            pass


async def main(port: str) -> None:
    """Warm up, then count."""
    agent = agent_of(port, calls=TURNS - 1, deltas=0)
    streaming = agent_of(port, calls=0, deltas=DELTAS)
    async with agent, streaming:
        for _ in range(3):
            await agent.run("What is 20 EUR in USD at 1.08?")
            await stream(streaming)
        plain(1)
        gc.collect()
        gc.disable()
        command_valgrind("instrumentation", "on")
        plain(PLAIN_ROUNDS)
        command_valgrind("dump", "plain")
        for _ in range(RUNS):
            await agent.run("What is 20 EUR in USD at 1.08?")
        command_valgrind("dump", "runs")
        await stream(streaming)
        command_valgrind("dump", "stream")
        command_valgrind("instrumentation", "off")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
