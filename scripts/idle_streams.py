"""Hold idle streams of events open at a service, and measure what they cost.

In:  how many streams; without a number, 10,000.
Out: memory and CPU of the serving process on standard output: before, while they wait, and when
     they are woken by decisions; then the same for a single event that all of them get at once.

The service runs in a process of its own. At first, each stream follows one of 100 runs that wait
for a decision; then all follow the same one. It ends by itself after ten minutes at the latest.
"""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import httpx
from anyio.abc import TaskGroup

RUNS = 100
IDLE_SECONDS = 20.0
LIMIT_SECONDS = 600.0
PROGRAM = """
import anyio
from agentkit import Agent, tool
from agentkit.service import build_service, open_port
from agentkit.testing import ScriptedModel, tool_call

@tool(approval="ask")
def pay(amount: int) -> str:
    "Pay."
    return "paid"

async def main():
    asked, done = tool_call("pay", amount=1), "Done."
    answers = [asked] * %(runs)d + [done] * %(runs)d + [asked, done]
    agent = Agent(ScriptedModel(*answers), tools=[pay])
    async with open_port(build_service({"a": agent}), port=0) as running:
        print(running.url, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


def report(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Process:
    """What the system knows of the serving process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    @property
    def memory_mb(self) -> float:
        """Return the resident memory."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else 0.0

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time that was used."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / 100


async def start_runs(client: httpx.AsyncClient, count: int) -> list[str]:
    """Start runs that wait for a decision, and return their ids."""
    names = []
    for _ in range(count):
        started = await client.post("/runs", json={"agent": "a", "prompt": "x"})
        names.append(started.json()["id"])
    for name in names:
        status = ""
        while status != "suspended":
            await anyio.sleep(0.02)
            status = (await client.get(f"/runs/{name}")).json()["status"]
    return names


class Streams:
    """Streams of events, read to their ends."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.waiting = 0
        self.woken = 0
        self.ended = 0
        self.last_woken = 0.0

    async def open(self, tasks: TaskGroup, names: Sequence[str], count: int) -> None:
        """Open streams of some runs, and return when all of them wait."""
        for number in range(count):
            tasks.start_soon(self.follow, names[number % len(names)])
            if number % 200 == 0:
                await anyio.sleep(0.05)
        while self.waiting < count:  # noqa: ASYNC110 - counted by many tasks
            await anyio.sleep(0.1)

    async def follow(self, run_id: str) -> None:
        """Read the events of a run: its first ones, a pause, and its end."""
        async with await anyio.connect_tcp("127.0.0.1", self._port) as stream:
            head = f"GET /runs/{run_id}/events HTTP/1.1\r\nhost: localhost\r\n"
            await stream.send(f"{head}connection: close\r\n\r\n".encode())
            text = b""
            while b'"suspended"' not in text:
                text += await stream.receive()
            self.waiting += 1
            text = await stream.receive()
            while b"approval_decided" not in text:  # a ping, or the first part of the event
                text = text[-100:] + await stream.receive()
            self.woken += 1
            self.last_woken = time.monotonic()
            while b'"answered"' not in text:
                text = text[-100:] + await stream.receive()
            self.ended += 1


async def measure(url: str, process: Process, count: int) -> None:
    """Open the streams, wait, wake them, and print the cost of each part."""
    streams = Streams(int(url.rpartition(":")[2]))
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        names = await start_runs(client, RUNS)
        memory, cpu = process.memory_mb, process.cpu_seconds
        report(f"before: {memory:.0f} MB")
        async with anyio.create_task_group() as tasks:
            await streams.open(tasks, names, count)
            report(f"opened: {(process.cpu_seconds - cpu) / count * 1000:.2f} ms CPU each")
            cpu, began = process.cpu_seconds, time.monotonic()
            await anyio.sleep(IDLE_SECONDS)
            share = (process.cpu_seconds - cpu) / (time.monotonic() - began)
            kilobytes = (process.memory_mb - memory) * 1024 / count
            report(f"waiting: {process.memory_mb:.0f} MB, {kilobytes:.1f} KB each")
            report(f"waiting: {share:.2f} of a core, with a ping for each every 10 s")
            cpu = process.cpu_seconds
            for name in names:
                await decide(client, name)
        report(f"ended: {streams.ended} streams, each with the end of its run")
        report(f"ended: {(process.cpu_seconds - cpu) / count * 1000:.2f} ms CPU each")


async def decide(client: httpx.AsyncClient, name: str) -> None:
    """Allow the calls of a run."""
    found = (await client.get(f"/runs/{name}")).json()["open_calls"]
    decisions = [{"call_id": call["id"], "verdict": "allow"} for call in found]
    await client.post(f"/runs/{name}/decisions", json={"decisions": decisions})


async def measure_wake(url: str, process: Process, count: int) -> None:
    """Let all streams follow one run, and print what its next event costs until all have it."""
    streams = Streams(int(url.rpartition(":")[2]))
    async with (
        httpx.AsyncClient(base_url=url, timeout=120) as client,
        anyio.create_task_group() as tasks,
    ):
        [name] = await start_runs(client, 1)
        await streams.open(tasks, [name], count)
        cpu, began = process.cpu_seconds, time.monotonic()
        await decide(client, name)
        while streams.ended < count:  # noqa: ASYNC110 - counted by many tasks
            await anyio.sleep(0.05)
        seconds = streams.last_woken - began
        report(f"one event: {streams.woken} streams have it after {seconds:.2f} s")
        report(
            f"one event and the end: {(process.cpu_seconds - cpu) / count * 1000:.2f} ms CPU each"
        )


async def measure_all(url: str, process: Process, count: int) -> None:
    """Measure both, within the limit of time."""
    with anyio.fail_after(LIMIT_SECONDS):
        await measure(url, process, count)
        await measure_wake(url, process, count)


def main() -> None:
    """Serve in a process, and measure it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    command = [sys.executable, "-c", PROGRAM % {"runs": RUNS}]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            anyio.run(measure_all, url, Process(server.pid), count)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
