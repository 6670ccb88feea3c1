"""The cost of a run in figures that are the same on every machine."""

import asyncio  # noqa: TID251 - the passes of its event loop are counted
import gc
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Budget, tool
from agentkit.config.load import ResolvedModel, resolve_model
from agentkit.dialect import request_body
from agentkit.dialect.openai_chat import messages
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.testing.scripted import ScriptedExchange, ScriptedTransport
from agentkit.transport.base import Transport
from benchmarks.stub_server import answer_for

HERE = Path(__file__).parent
TURNS = 20
MOST_INSTRUCTIONS = 0.92
"""Instructions of a turn over those of a round of plain Python, with a margin of an eighth."""
MOST_INSTRUCTIONS_STREAMED = 1.66
"""Instructions of a streamed answer of 300 deltas over the same, with a margin of a quarter."""

FIRST_AGENT = """
import sys
before = set(sys.modules)
from agentkit import Agent, tool

@tool
def convert(amount: float, rate: float) -> float:
    "Convert money."
    return amount * rate

Agent("sandbox:mixtral-8x22b", tools=[convert])
print(*sorted(set(sys.modules) - before))
"""


@tool
async def convert(amount: float, rate: float) -> float:
    """Convert an amount of money."""
    return amount * rate


def scripted_agent(turns: int) -> tuple[Agent[Any], ScriptedTransport]:
    """Return an agent whose model makes a call in each turn but the last."""
    bodies = [answer_for(turn=turn, deltas=0, kind="text") for turn in (*range(turns - 1), -1)]
    transport = ScriptedTransport(
        *(ScriptedExchange.of_json(json.loads(one.partition(b"\r\n\r\n")[2])) for one in bodies)
    )

    def opened(resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        assert base_url == resolved.provider.base_url
        return transport

    resolved = resolve_model("openrouter:mixtral-8x22b", environ={}, api_key="test-key")
    model = ProviderModel(resolved, dialects=DIALECTS, learned=LearnedProfiles(), transport=opened)
    return Agent(model, tools=[convert], budget=Budget(turns=turns + 1)), transport


async def test_a_turn_encodes_new_messages_only_and_copies_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two messages a turn are encoded, the call and its result; none is encoded twice."""
    encoded: list[int] = []

    def counted(encode: Callable[[object], bytes]) -> Callable[[object], bytes]:
        def encode_counted(value: object) -> bytes:
            found = encode(value)
            encoded.append(len(found))
            return found

        return encode_counted

    for module, name in (
        (messages, "quick_json"),
        (messages, "to_json"),
        (request_body, "to_json"),
    ):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))
    agent, transport = scripted_agent(TURNS)

    await agent.run("What is 20 EUR in USD at 1.08?")

    sent = [len(request.body) for request in transport.requests]
    assert len(sent) == TURNS
    # One user message, two messages for each turn, the tool; the model's id and one option in each
    # request; field names once in a process.
    assert len(encoded) <= 1 + 2 * (TURNS - 1) + 1 + 2 * TURNS + 8
    assert sum(encoded) <= sent[-1] + 60 * TURNS
    assert sum(sent) <= 64_000


async def test_a_finished_run_leaves_no_reference_cycles() -> None:
    """Cycles would wait for the garbage collector, which stops the program."""
    for _ in range(2):  # the first run also loads modules and fills caches
        agent, _ = scripted_agent(TURNS)
        gc.collect()
        gc.disable()
        try:
            await agent.run("What is 20 EUR in USD at 1.08?")
        finally:
            gc.enable()
        left = gc.collect()

    assert left == 0


def test_a_turn_schedules_few_event_loop_callbacks() -> None:
    """Each costs as much as many function calls, and only network I/O needs one."""
    agent, _ = scripted_agent(TURNS)
    passes = 0

    class Counting(asyncio.SelectorEventLoop):
        def call_soon(self, *args: Any, **more: Any) -> Any:  # type: ignore[override]  # passes all arguments through
            nonlocal passes
            passes += 1
            return super().call_soon(*args, **more)

    loop = Counting()
    try:
        loop.run_until_complete(agent.run("What is 20 EUR in USD at 1.08?"))
    finally:
        loop.close()

    assert passes / TURNS <= 0.5


def test_a_first_agent_loads_few_modules() -> None:
    """A module costs a millisecond; an HTTP client or a terminal library would cost fifty."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        [sys.executable, "-c", FIRST_AGENT], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    own = [name for name in loaded if name.partition(".")[0] == "agentkit"]

    assert len(own) <= 100
    assert len(loaded) <= 330
    others = {name.partition(".")[0] for name in loaded}
    assert not others & {"httpx", "httpcore", "h11", "jsonschema", "structlog", "rich", "typer"}


@pytest.mark.skipif(
    shutil.which("valgrind") is None or shutil.which("vgdb") is None,
    reason="valgrind counts the instructions, and is not installed",
)
def test_a_turn_needs_few_instructions(tmp_path: Path) -> None:
    """A regression of a quarter fails; the plain Python makes interpreters comparable."""
    root = HERE.parents[1]
    environment = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    counting = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
    counting.append(f"--callgrind-out-file={tmp_path}/counts")
    server_command = [sys.executable, "-m", "benchmarks.stub_server"]
    with subprocess.Popen(server_command, stdout=subprocess.PIPE, cwd=root) as server:  # noqa: S603 - constant arguments
        try:
            assert server.stdout is not None
            port = server.stdout.readline().decode().strip()
            program = [sys.executable, str(HERE / "counted_program.py"), port]
            done = subprocess.run(  # noqa: S603 - constant arguments
                [*counting, *program],
                capture_output=True,
                text=True,
                env=environment,
                timeout=100,
                check=False,
            )
        finally:
            server.terminate()
    assert done.returncode == 0, done.stderr[-2000:]

    plain, runs, stream = (
        int(re.findall(r"^totals: (\d+)", (tmp_path / f"counts.{part}").read_text(), re.M)[0])
        for part in (1, 2, 3)
    )

    assert runs / plain <= MOST_INSTRUCTIONS, (runs, plain)
    assert stream / plain <= MOST_INSTRUCTIONS_STREAMED, (stream, plain)
