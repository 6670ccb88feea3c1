"""`agentkit run`: one question, its answer.

In:  a question and the options of its run.
Out: the answer on standard output, everything else on standard error.
"""

import json
from collections.abc import Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from agentkit.cli.agent_builder import AgentSelection, BuiltAgent, build_agent
from agentkit.cli.answer_writer import AnswerWriter, SilentWriter, answer_writer
from agentkit.cli.approval_prompt import ApproveMode, set_approval_mode, terminal_asker
from agentkit.cli.exit_codes import FAILED, LIMIT_REACHED, OK, SUSPENDED, print_error
from agentkit.cli.kept_records import KeptRecords
from agentkit.cli.output_schema import read_schema
from agentkit.cli.prompt import STANDARD_INPUT, build_prompt
from agentkit.cli.run_display import RunDisplay, ShowRecord, format_call, reason_of, show_as_json
from agentkit.cli.run_task import show_run
from agentkit.cli.session_choice import SessionChoice, open_conversation
from agentkit.cli.signals import run_async
from agentkit.cli.stand_in_notice import note_stand_in
from agentkit.cli.terminal import check_standard_output, note, shorten, write_json
from agentkit.errors import AgentKitError, ProviderError
from agentkit.event import StopReason
from agentkit.message import ToolCall
from agentkit.output.output_type import OutputError
from agentkit.tools.question import question_in
from agentkit.value import dataclass

_MAX_QUESTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is asked, and how.

    Attributes:
        question: `-` reads it from standard input; None if only standard input is meant.
        files: text and images to add to the question.
        schema: the form of a structured answer; see `read_schema`.
        keeps_records: for `agentkit explain last`.
        session: the stored conversation to go on with, if any.
    """

    question: str | None = None
    files: Sequence[Path] = ()
    selection: AgentSelection = field(default_factory=AgentSelection)
    schema: str | None = None
    tool_choice: str = "auto"
    as_json: bool = False
    is_raw: bool = False
    approve: ApproveMode = ApproveMode.ASK
    keeps_records: bool = True
    session: SessionChoice = field(default_factory=SessionChoice)


def run_question(request: RunRequest) -> int:
    """Run until there is an answer, and return the exit code.

    Raises:
        AgentKitError: nothing could be sent, or the run failed.
    """
    check_standard_output()
    output_type = None if request.schema is None else read_schema(request.schema)
    prompt = build_prompt(request.question, request.files)
    built = build_agent(request.selection)
    introduce(built)
    # Standard input holds the question, not a person's decisions.
    can_ask = request.question != STANDARD_INPUT
    set_approval_mode(built.agent, request.approve, ask=terminal_asker() if can_ask else None)
    options: dict[str, Any] = {"tool_choice": request.tool_choice}
    if output_type is not None:
        options["output_type"] = output_type
    writer: AnswerWriter = answer_writer(is_raw=request.is_raw)
    if request.schema is not None or request.as_json:
        writer = SilentWriter()
    display = RunDisplay(writer=writer)
    show: ShowRecord = show_as_json if request.as_json else display.show

    async def answer() -> int:
        async with open_conversation(request.session, by_default=False) as stored:
            result = await show_run(
                built.agent,
                prompt,
                display=display,
                show=show,
                options=options,
                kept=KeptRecords(is_on=request.keeps_records),
                stream=None if stored is None else partial(stored.stream, built.agent),
            )
        if result.stop_reason == "suspended":
            note(describe_open_call(result.open_calls[0]), style="yellow")
        elif output_type is not None and not request.as_json:
            value = to_jsonable_python(result.output)
            write_json(json.dumps(value, ensure_ascii=False, indent=2))
        return _exit_code(result.stop_reason)

    try:
        return run_async(answer)
    except ProviderError as error:
        print_error(error, model=built.agent.model)
        return FAILED
    except OutputError as error:
        # Its message is for programs, which read the reason from the error.
        reason = f": {reason_of(error.reason)}" if error.reason else ""
        print_error(AgentKitError(f"The model gave no valid structured output{reason}."))
        return FAILED


def introduce(built: BuiltAgent) -> None:
    """Print the model of a run, and once a day that it is not a language model, if so."""
    note(built.banner, style="dim")
    if built.is_stand_in:
        note_stand_in()


def describe_open_call(call: ToolCall) -> str:
    """Return which call waits for approval or for an answer, and what to do."""
    question = question_in(call)
    if question is not None:
        return (
            f"The agent asks: {shorten(question, _MAX_QUESTION)} Run on a terminal to answer, or "
            "let a program resume the run with the answer."
        )
    return (
        f"{format_call(call)} needs approval. Run on a terminal to be asked, or pass "
        "--approve allow or --approve deny. A tool that runs elsewhere needs a program that "
        "supplies its result."
    )


def _exit_code(reason: StopReason) -> int:
    match reason:
        case "answered":
            return OK
        case "suspended":
            return SUSPENDED
        case _:
            return LIMIT_REACHED
