"""The lowest layer: loading by name, logging, exception groups, events as JSON."""

import json
import logging
import os
import subprocess
import sys

import pytest
import structlog

from agentkit.chat import Repair
from agentkit.errors import ConfigError, MissingExtraError
from agentkit.event import AnswerRepaired, ToolCallFinished, event_to_json, ignore
from agentkit.exception_groups import ungrouped
from agentkit.lazy_import import load_object
from agentkit.log import Log, _bound
from agentkit.message import ToolCall, ToolResult

_HEAVY = {"httpx", "structlog", "rich", "typer", "click", "prompt_toolkit", "pygments"}
_HEAVY |= {"pint", "mistral_common", "sentencepiece", "starlette", "trio", "tzdata", "mcp"}


def test_an_object_is_loaded_by_its_name() -> None:
    """Module, colon, attribute."""
    assert load_object("json:dumps") is json.dumps


@pytest.mark.parametrize("path", ["json", ":dumps", "json:", ""])
def test_a_name_of_another_form_is_refused(path: str) -> None:
    """The error shows the form that is wanted."""
    with pytest.raises(ConfigError, match=r"package\.module:name"):
        load_object(path)


def test_a_name_that_leads_nowhere_says_where_it_stopped() -> None:
    """Module and attribute fail apart."""
    with pytest.raises(ConfigError, match="Cannot import 'no_such_module'"):
        load_object("no_such_module:x")
    with pytest.raises(ConfigError, match="Module 'json' has no 'nope'"):
        load_object("json:nope")


def test_a_missing_extra_says_what_to_install() -> None:
    """The name of the extra is part of the message."""
    with pytest.raises(MissingExtraError, match=r"install 'mixtral-agentkit\[units\]'"):
        load_object("no_such_module:x", extra="units")


def test_a_log_line_is_a_record_of_the_standard_library(caplog: pytest.LogCaptureFixture) -> None:
    """The event is the message and the facts are fields; the level is kept."""
    log = Log("agentkit.test.lines")

    with caplog.at_level(logging.DEBUG, logger="agentkit.test.lines"):
        log.debug("tool_arguments", arguments="{}")
        log.info("tool_call_started", tool_name="add")
        log.warning("stream_cut", seconds=1.5)

    records = [(r.levelname, r.message, r.name) for r in caplog.records]
    assert records == [
        ("DEBUG", "tool_arguments", "agentkit.test.lines"),
        ("INFO", "tool_call_started", "agentkit.test.lines"),
        ("WARNING", "stream_cut", "agentkit.test.lines"),
    ]
    assert vars(caplog.records[1])["tool_name"] == "add"


def test_a_fact_may_have_the_name_of_a_records_own_field(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It gets an underscore; an exception stays where logging looks for it."""
    with caplog.at_level(logging.INFO, logger="agentkit.test.names"):
        Log("agentkit.test.names").info("x", name="n", args=1, exc_info=ValueError("bad"))

    record = vars(caplog.records[0])
    assert (record["name"], record["name_"], record["args_"]) == ("agentkit.test.names", "n", 1)
    assert record["exc_info"][1].args == ("bad",)


def test_a_program_that_set_structlog_up_gets_its_lines_its_own_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The package takes the set-up that it finds."""
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
        _bound.cache_clear()

    assert lines == ["run_started"]
    assert caplog.records == []


def test_importing_agentkit_is_light() -> None:
    """Neither the extras nor the heavy parts of the core are loaded."""
    modules = _printed("import agentkit, sys; print(*sys.modules)").split()

    assert "agentkit" in modules
    assert _HEAVY & set(modules) == set()


def test_importing_agentkit_costs_hardly_more_than_importing_what_it_stands_on() -> None:
    """In CPU, one beside the other; where other work disturbs, the best of some pairs counts."""
    ratios: list[float] = []
    while len(ratios) < 20 and min(ratios, default=99.0) >= 1.25:
        core = _import_seconds("anyio, httpx, jsonschema, pydantic, structlog")
        ratios.append(_import_seconds("agentkit") / core)

    assert min(ratios) < 1.25


def _import_seconds(names: str) -> float:
    return float(_printed(f"import time, {names}; print(time.process_time())"))


def _printed(code: str) -> str:
    # Without what measures coverage in child processes: it would count as ours.
    environ = {key: text for key, text in os.environ.items() if "COVERAGE" not in key}
    command = [sys.executable, "-c", code]
    return subprocess.run(  # noqa: S603 - our own interpreter and code
        command, capture_output=True, text=True, check=True, env=environ
    ).stdout


def test_a_group_of_one_leaves_as_the_one() -> None:
    """Callers never see the group."""
    error = ValueError("one")

    with pytest.raises(ValueError, match="one") as caught, ungrouped():
        raise ExceptionGroup("g", [ExceptionGroup("inner", [error])])

    assert caught.value is error


def test_of_several_errors_the_one_that_ends_the_program_leaves() -> None:
    """The others are named in its notes."""
    with pytest.raises(KeyboardInterrupt) as caught, ungrouped():
        raise BaseExceptionGroup("g", [ValueError("bad"), KeyboardInterrupt()])

    assert caught.value.__notes__ == ["At the same time: ValueError: bad"]


def test_what_is_no_group_passes() -> None:
    """A plain exception is not touched."""
    with pytest.raises(KeyError), ungrouped():
        raise KeyError("k")


async def test_events_are_lines_of_json() -> None:
    """The type tells which event it is."""
    event = ToolCallFinished(
        call=ToolCall(id="1", name="add"), result=ToolResult.of("1", "2"), seconds=0.5
    )

    line = event_to_json(event)

    assert "\n" not in line
    assert json.loads(line)["type"] == "tool_call_finished"
    assert json.loads(line)["result"]["content"][0]["text"] == "2"
    repaired = AnswerRepaired(repair=Repair(kind="minted_id", before="", after="call00001"))
    assert json.loads(event_to_json(repaired))["repair"]["kind"] == "minted_id"
    assert await ignore(event) is None  # type: ignore[func-returns-value]  # that is the point
