"""Log lines are records of the standard library, with their facts in the message and as fields."""

import json
import logging
import subprocess
import sys

import pytest
import structlog

from agentkit import Agent, tool
from agentkit.log import Log, current_log_facts, log_facts
from agentkit.testing import ScriptedModel, tool_call


def test_a_log_line_is_a_record_of_the_standard_library(caplog: pytest.LogCaptureFixture) -> None:
    """Facts are in the message and are attributes of the record; the level is kept."""
    log = Log("agentkit.test.lines")

    with caplog.at_level(logging.DEBUG, logger="agentkit.test.lines"):
        log.debug("tool_arguments", arguments="{}")
        log.info("tool_call_started", tool_name="add")
        log.warning("stream_cut", seconds=1.5)

    records = [(r.levelname, r.message, r.name) for r in caplog.records]
    assert records == [
        ("DEBUG", "tool_arguments arguments='{}'", "agentkit.test.lines"),
        ("INFO", "tool_call_started tool_name='add'", "agentkit.test.lines"),
        ("WARNING", "stream_cut seconds=1.5", "agentkit.test.lines"),
    ]
    assert vars(caplog.records[1])["tool_name"] == "add"
    assert vars(caplog.records[1])["event"] == "tool_call_started"
    assert caplog.records[0].funcName == "test_a_log_line_is_a_record_of_the_standard_library"


def test_a_fact_named_like_a_field_of_log_records_gets_an_underscore(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An exception keeps the name that logging expects."""
    with caplog.at_level(logging.DEBUG, logger="agentkit.test.names"):
        Log("agentkit.test.names").info("x", name="n", args=1, exc_info=ValueError("bad"))

    record = vars(caplog.records[0])
    assert (record["name"], record["name_"], record["args_"]) == ("agentkit.test.names", "n", 1)
    assert record["exc_info"][1].args == ("bad",)


def test_the_current_exception_can_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As with the standard library, by `exc_info=True`; without one nothing is added."""
    log = Log("agentkit.test.current")
    try:
        raise ValueError("bad")
    except ValueError:
        log.warning("failed", exc_info=True)
    log.warning("failed", exc_info=True)

    assert [record.exc_info is None for record in caplog.records] == [False, True]


class _Odd:
    """A value whose `repr` has a line end in it."""

    def __repr__(self) -> str:
        return "a\n2026-01-01 INFO b"


FORGERIES = {
    "a line end": "a\n2026-01-01 INFO b",
    "a carriage return": "a\r2026-01-01 INFO b",
    "a Unicode line separator": "a\u20282026-01-01 INFO b",
    "an escape code": "\x1b]0;title\x07",
    "a C1 control": "\x9b2J",
    "a change of text direction": "a\u202eb",
    "a zero-width character": "a\u200bb",
    "an object with a line end": _Odd(),
}


@pytest.mark.parametrize("value", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_value_cannot_forge_a_log_line(value: object, caplog: pytest.LogCaptureFixture) -> None:
    """It is one line of printable characters; the attribute keeps the value itself."""
    Log("agentkit.test.forged").warning("tool_call_failed", error=value)

    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert vars(record)["error"] is value


def test_a_traceback_cannot_forge_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """Its lines are indented, and control characters in it are escaped."""
    error = ValueError("a\n2026-01-01 INFO payment\x1b[2J")

    with caplog.at_level(logging.DEBUG, logger="agentkit.test.traceback"):
        Log("agentkit.test.traceback").warning("tool_call_failed", exc_info=error)

    lines = caplog.text.splitlines()[1:]
    assert any("INFO payment\\x1b[2J" in line for line in lines)
    assert all(line.startswith("    ") for line in lines)


@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG])
def test_a_traceback_has_the_texts_of_exceptions_at_debug_only(
    level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """They may quote arguments and results; types and places are always there, also of causes."""
    text = "canary-2218"
    log = Log("agentkit.test.texts")
    with caplog.at_level(level, logger="agentkit.test.texts"):
        try:
            try:
                raise KeyError(text)
            except KeyError as cause:
                raise ExceptionGroup(text, [ValueError(text)]) from cause
        except ExceptionGroup:
            log.warning("request_failed", exc_info=True)

    assert (text in caplog.text) is (level == logging.DEBUG)
    assert all(part in caplog.text for part in ("KeyError", "ExceptionGroup", "ValueError"))
    assert "in test_a_traceback_has_the_texts" in caplog.text


def test_without_logging_nothing_is_printed() -> None:
    """A warning goes to the `NullHandler`, not to Python's handler of last resort."""
    code = "from agentkit.log import Log; Log('agentkit.x').warning('stream_cut', seconds=1)"
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("", "")


def test_lines_follow_the_structlog_configuration_of_the_program(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The package uses an existing configuration and does not replace it."""
    lines: list[str] = []

    def keep(_: object, __: str, event: structlog.types.EventDict) -> str:
        lines.append(str(event["event"]))
        raise structlog.DropEvent

    structlog.configure(processors=[keep], wrapper_class=structlog.stdlib.BoundLogger)
    try:
        with caplog.at_level(logging.INFO, logger="agentkit.test.own"):
            Log("agentkit.test.own").info("run_started")
    finally:
        structlog.reset_defaults()

    assert lines == ["run_started"]
    assert caplog.records == []


def test_context_variables_of_structlog_are_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
    """Without any configuration of structlog."""
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        Log("agentkit.test.context").warning("stream_cut")

    assert caplog.records[0].getMessage() == "stream_cut request_id='r1'"


async def test_lines_of_a_run_carry_its_id_its_agent_and_its_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also those of tools in threads and of agents inside tools; none after the run."""
    log = Log("agentkit.test.run")

    @tool(read_only=True)
    def look(name: str) -> str:
        """Look in a thread."""
        log.info("looked", name=name)
        return name

    inner = Agent(ScriptedModel(tool_call("look", name="b"), "2"), tools=[look], name="inner")
    calls = [tool_call("look", name="a"), tool_call("inner", prompt="Look.")]
    outer = Agent(ScriptedModel(calls, "3"), tools=[look, inner.as_tool()], name="outer")
    with caplog.at_level(logging.INFO, logger="agentkit.test.run"), log_facts({"request_id": "q"}):
        result = await outer.run("Look.", labels={"session": "s-1"})
        log.info("done")

    found = {vars(one).get("name_"): vars(one) for one in caplog.records}
    assert (found["a"]["run_id"], found["a"]["agent"]) == (result.run_id, "outer")
    assert (found["a"]["session"], found["a"]["request_id"]) == ("s-1", "q")
    assert found["b"]["agent"] == "inner"
    assert found["b"]["run_id"] != result.run_id
    assert found["b"]["session"] == "s-1"
    assert caplog.records[-1].message == "done request_id='q'"
    assert current_log_facts() == {}


def test_lines_can_be_json() -> None:
    """As `docs/logging.md` shows it, with structlog."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        [sys.executable, "-c", JSON_PROGRAM], capture_output=True, text=True, check=True
    )
    [line] = [json.loads(line) for line in done.stdout.splitlines()]

    assert line.pop("timestamp").endswith("Z")
    assert len(line.pop("run_id")) == 32
    assert line == {
        "event": "tool_call_failed",
        "level": "warning",
        "tool_name": "look_up",
        "call_id": "call00001",
        "error": "ToolError",
        "agent": "reader",
    }


JSON_PROGRAM = """
import structlog

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ]
)

from agentkit import Agent, ToolError, tool
from agentkit.testing import ScriptedModel, tool_call

@tool
def look_up(name: str) -> str:
    raise ToolError(f"no such page: {name}")

model = ScriptedModel(tool_call("look_up", name="a"), "There is none.")
Agent(model, tools=[look_up], name="reader").run_sync("What is on page a?")
"""
