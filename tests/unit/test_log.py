"""Log lines are records of the standard library with facts as fields."""

import logging

import pytest
import structlog

from agentkit.log import Log, _bound


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


def test_a_fact_named_like_a_field_of_log_records_gets_an_underscore(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An exception keeps the name that logging expects."""
    with caplog.at_level(logging.INFO, logger="agentkit.test.names"):
        Log("agentkit.test.names").info("x", name="n", args=1, exc_info=ValueError("bad"))

    record = vars(caplog.records[0])
    assert (record["name"], record["name_"], record["args_"]) == ("agentkit.test.names", "n", 1)
    assert record["exc_info"][1].args == ("bad",)


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
        _bound.cache_clear()

    assert lines == ["run_started"]
    assert caplog.records == []
