"""A run that waits for a person, and goes on in another process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit import AssistantMessage, History, ToolCall, ToolResult, UserMessage

ROOT = Path(__file__).resolve().parents[2]
FORKED = str(ROOT / "tests/mcp/forked.py")
SERVER = str(ROOT / "tests/mcp/forking_server.py")
LOOKED = ToolResult("look00001", "looked")
CALLS = AssistantMessage(
    tool_calls=[
        ToolCall(id="look00001", name="look"),
        *(
            ToolCall(id=f"pay00000{n}", name="pay", arguments=json.dumps({"amount": n}))
            for n in (1, 2, 3)
        ),
    ],
)
WAITING = {"stop_reason": "suspended", "open": ["pay000001", "pay000002", "pay000003"]}


class Desk:
    """A folder over which processes hand a run to each other."""

    def __init__(self, folder: Path, backend: str, *, socket_path: str) -> None:
        self._folder = folder
        self._backend = backend
        self._socket_path = socket_path

    def process(self, what: str) -> Any:
        """Let a process of its own do something, and return what it says."""
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [
                sys.executable,
                "-S",
                FORKED,
                self._socket_path,
                str(self._folder),
                self._backend,
                what,
            ],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def history(self) -> History:
        """Return what is stored."""
        return History.from_json((self._folder / "history.json").read_text())

    @property
    def effects(self) -> list[str]:
        """Return what was really done."""
        return (self._folder / "effects.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Load the program once; each of its processes is forked before it has done anything."""
    socket_path = str(tmp_path_factory.mktemp("suspend") / "socket")
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, SERVER, socket_path, "tests.integration.suspend_program"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        yield socket_path
        program.terminate()


@pytest.fixture(params=["asyncio", "trio"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, socket_path: str) -> Desk:
    """Return a desk with a run that waits for answers about three payments."""
    desk = Desk(tmp_path, request.param, socket_path=socket_path)
    assert desk.process("begin") == {**WAITING, "output": ""}
    return desk


def test_a_run_waits_with_its_open_calls_in_the_history(desk: Desk) -> None:
    """What may run has run; nothing else has."""
    assert list(desk.history) == [UserMessage("Pay the bills."), CALLS, LOOKED]
    assert desk.history.open_calls == CALLS.tool_calls[1:]
    assert desk.effects == ["looked"]


def test_one_is_approved_one_refused_one_edited(desk: Desk) -> None:
    """In another process; what ran before is not run again."""
    went_on = desk.process("answer")

    assert went_on == {"stop_reason": "suspended", "open": ["locate001"], "output": ""}
    assert desk.effects == ["looked", "paid 1", "paid 7"]
    assert list(desk.history)[2:] == [
        LOOKED,
        ToolResult("pay000001", "paid 1"),
        ToolResult(
            "pay000002",
            "The call of 'pay' was refused and was not run. The reason given: Too much.",
            is_error=True,
        ),
        desk.history[5],
        AssistantMessage(tool_calls=[ToolCall(id="locate001", name="locate")]),
    ]
    edited = desk.history[5]
    assert isinstance(edited, ToolResult)
    assert edited.call_id == "pay000003"
    assert edited.text == (
        '[The user changed the arguments of this call before it ran, to {"amount": 7}]\npaid 7'
    )


def test_what_ran_elsewhere_is_handed_in(desk: Desk) -> None:
    """As a result in the history; a third process goes on with it."""
    desk.process("answer")

    ended = desk.process("hand-in")

    assert ended == {"stop_reason": "answered", "open": [], "output": "Done."}
    assert list(desk.history)[-2:] == [
        ToolResult("locate001", "Paris"),
        AssistantMessage("Done."),
    ]
    assert desk.effects == ["looked", "paid 1", "paid 7"]


def test_calls_without_an_answer_stay_open(desk: Desk) -> None:
    """The run goes as far as it may."""
    went_on = desk.process("first")

    assert went_on == {"stop_reason": "suspended", "open": ["pay000002", "pay000003"], "output": ""}
    assert desk.effects == ["looked", "paid 1"]


def test_an_answer_is_for_exactly_the_call_it_was_given_about(desk: Desk) -> None:
    """One for other arguments runs nothing, and the run still waits."""
    refused = desk.process("forged")

    assert "other arguments" in refused["error"]
    assert desk.effects == ["looked"]
    assert desk.history.open_calls == CALLS.tool_calls[1:]


def test_a_run_without_answers_waits_on(desk: Desk) -> None:
    """And asks for nothing from the model in the meantime."""
    before = desk.history

    assert desk.process("nothing") == {**WAITING, "output": ""}
    assert desk.history == before
