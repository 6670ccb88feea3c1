"""`agentkit serve` as a process, and `agentkit tokens`."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.test_cli import LIMIT_SECONDS, command, environment

PROGRAM = """
from pathlib import Path
import anyio
from agentkit import Agent, tool
from agentkit.testing import ScriptedModel, tool_call

@tool(read_only=True)
async def hold() -> str:
    "Hold."
    Path("holding").touch()
    await anyio.sleep_forever()

agents = {"holder": Agent(ScriptedModel(tool_call("hold")), tools=[hold])}
"""
TALKER = """
from contextlib import asynccontextmanager
from pathlib import Path
import anyio
from agentkit import Agent, AssistantMessage, Usage
from agentkit.chat import ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.event import TextReceived

class Talker:
    name = "talker"
    profile = ModelProfile(family="talker", id="talker")

    @asynccontextmanager
    async def open(self):
        yield self

    async def chat(self, request, *, emit):
        for word in ("It ", "is ", "done."):
            await emit(TextReceived(word))
            if word == "is " and not Path("again").exists():
                await anyio.sleep_forever()
        message = AssistantMessage("It is done.")
        return ModelResponse(message=message, finish_reason="stop", usage=Usage())

agents = {"talker": Agent(Talker())}
"""
BODY = {"model": "holder", "messages": [{"role": "user", "content": "hi"}]}


def run(agentkit: list[str], folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603 - constant arguments
        [*agentkit, *words],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def start(folder: Path, *words: str) -> tuple["subprocess.Popen[str]", str]:
    """Start a service and return it with its address."""
    (folder / "holder.py").write_text(PROGRAM)
    (folder / "talker.py").write_text(TALKER)
    has_program = bool(words) and words[0].endswith(".py")
    program, options = (words[0], words[1:]) if has_program else ("holder.py", words)
    process = subprocess.Popen(  # noqa: S603 - constant arguments
        command("serve", program, "--port", "0", *options),
        env=environment(folder),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("place", [("--tokens", "t.toml"), ("--db", "sqlite:t.db")], ids=str)
def test_a_service_lets_those_in_whose_token_is_valid(
    agentkit: list[str], tmp_path: Path, place: tuple[str, str]
) -> None:
    """Until it is revoked; Ctrl-C ends the service."""
    made = run(agentkit, tmp_path, "tokens", "add", *place, "--tenant", "acme", "--agent", "holder")
    token = made.stdout.strip()
    process, url = start(tmp_path, *place)
    try:
        headers = {"x-api-key": token}
        with httpx.Client(base_url=url) as client:
            statuses = [client.get("/v1/models").status_code]
            statuses += [client.get("/v1/models", headers=headers).status_code]
            listed: list[dict[str, Any]] = json.loads(
                run(agentkit, tmp_path, "tokens", "list", "--json", *place).stdout
            )
            revoked = run(agentkit, tmp_path, "tokens", "revoke", listed[0]["id"], *place)
            statuses += [client.get("/v1/models", headers=headers).status_code]
        process.send_signal(signal.SIGINT)
        code = process.wait(LIMIT_SECONDS)
    finally:
        process.kill()
        _, notes = process.communicate()

    assert (revoked.returncode, revoked.stderr.count("not valid any more")) == (0, 1)
    assert statuses == [401, 200, 401]
    assert (listed[0]["tenant"], listed[0]["agents"]) == ("acme", ["holder"])
    assert code == 0
    assert "Serving holder." in notes
    assert run(agentkit, tmp_path, "tokens", "revoke", listed[0]["id"], *place).returncode == 1
    assert "revoked" in run(agentkit, tmp_path, "tokens", "list", *place).stdout


def test_sigterm_ends_a_service_with_an_answer_under_way(tmp_path: Path) -> None:
    """Within the time for it, and 2 s; its client gets an error."""
    process, url = start(tmp_path, "--drain", "0.2")
    try:
        with httpx.stream(
            "POST", f"{url}/v1/chat/completions", json={**BODY, "stream": True}, timeout=60
        ) as answer:
            lines = answer.iter_lines()
            next(lines)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            rest = list(lines)
        code = process.wait(LIMIT_SECONDS)
        seconds = time.monotonic() - began
    finally:
        process.kill()
        _, notes = process.communicate()

    assert code == 0
    assert "shutting_down" in "".join(rest)
    assert "Without tokens: for this machine only." in notes
    assert "in memory" in notes
    assert seconds < 60  # 2.2 on a machine with nothing else to do


def test_a_reader_goes_on_after_a_kill_in_the_middle_of_an_answer(
    tmp_path: Path, database_url: str
) -> None:
    """Without a gap or a double; the text that was begun is written again from its start."""
    words = ("talker.py", "--db", database_url)
    process, url = start(tmp_path, *words)
    try:
        httpx.post(f"{url}/runs", json={"agent": "talker", "prompt": "x", "run_id": "r"})
        before = follow(url, until="is ")
        process.kill()
        process.communicate()
        (tmp_path / "again").touch()
        process, url = start(tmp_path, *words)
        after = follow(url, until="run_finished", last=before[-1][0])
        found = httpx.get(f"{url}/runs/r").json()
    finally:
        process.kill()
        process.communicate()

    places = [tuple(map(int, place.split(":"))) for place, _ in before + after]
    assert places == [(1, at) for at in range(1, len(places) + 1)]
    resumed = next(at for at, (_, text) in enumerate(after) if "run_resumed" in text)
    texts = [json.loads(text)["event"].get("text") for _, text in after[resumed:]]
    assert "".join(text for text in texts[:-1] if text) == "It is done."
    assert (found["status"], found["text"]) == ("done", "It is done.")


def follow(url: str, *, until: str, last: str = "") -> list[tuple[str, str]]:
    """Return the events of a run with their places, up to one that holds a text."""
    found: list[tuple[str, str]] = []
    place = ""
    headers = {"last-event-id": last} if last else {}
    with httpx.stream("GET", f"{url}/runs/r/events", headers=headers, timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("id: "):
                place = line[4:]
            elif line.startswith("data: "):
                found.append((place, line[6:]))
                if until in line:
                    return found
    raise AssertionError(f"The events ended without {until!r}: {found}.")


def test_a_service_needs_agents_and_an_address_that_is_safe(
    agentkit: list[str], tmp_path: Path
) -> None:
    """Otherwise nothing is served."""
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "holder.py").write_text(PROGRAM)

    nothing = run(agentkit, tmp_path, "serve", "empty.py")
    open_to_all = run(agentkit, tmp_path, "serve", "holder.py", "--host", "0.0.0.0")  # noqa: S104 - refused
    both = run(agentkit, tmp_path, "tokens", "list", "--db", "sqlite:x.db", "--tokens", "x.toml")

    assert (nothing.returncode, open_to_all.returncode, both.returncode) == (2, 2, 2)
    assert "names no agents" in nothing.stderr
    assert "agentkit tokens add" in open_to_all.stderr
