"""Request structured output, validate the model's answers, and read the output of a run.

In:  the output type of a run; later the responses of a model.
Out: the fields of each request; a `Judgement` of each answer; at the end the output.

Plain text is the simplest type: it adds nothing to a request and accepts any answer.
"""

import json
from collections.abc import Sequence
from copy import copy
from functools import cached_property, partial
from typing import Any, Generic

import anyio.to_thread

from agentkit import output as output_package
from agentkit.chat import ModelResponse, ToolChoice, ToolSpec
from agentkit.config.profile import OutputMode
from agentkit.dialect.tool_names import unwrap_name
from agentkit.errors import ToolDefinitionError
from agentkit.event import StopReason, ToolsetReported
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.output.output_type import Judgement, OutputSettings, OutputT, OutputType, read_type
from agentkit.output.partial_output import PartialOutput
from agentkit.tools.approval import ApprovalRule
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset, take_reports
from agentkit.tools.validate import LARGE_CHARACTERS, ReadyCall, validate_call
from agentkit.value import record

BY_TOOL = (
    "To give your final answer, call the tool {name} with it, alone, once you have all it needs. "
    "An answer in text is not accepted. You may call it at any time."
)
BY_TOOL_OR_TEXT = (
    "To give your final answer, call the tool {name} with it, alone, once you have all it needs. "
    "You may call it at any time. If text is enough, answer in text."
)
BY_TEXT = (
    "Your final answer must be one JSON object and nothing else: no text around it. It must fit "
    "this JSON Schema:\n{schema}"
)
ACCEPTED = "The answer was accepted."
TOO_LATE = "The call was not run: the task is at its limit."
ONE_ANSWER = "The answer was rejected: there were {count} answers at once. Give one."
REJECTED = "Your answer was rejected: {reason}.\n{how}"
ASK = "Give the answer to this conversation. {how}"


@record
class Offer:
    """The tools and the response format of a request."""

    tools: tuple[ToolSpec, ...]
    choice: ToolChoice
    response_format: dict[str, JsonValue] | None = None
    shown_arguments: str | None = None
    accepts_text: bool = False


@record
class RunOutput(Generic[OutputT]):
    """The output of a run: its value if it has the type, and its text."""

    values: tuple[OutputT, ...]
    text: str


class OutputPlan(Generic[OutputT]):
    """How structured output is requested, validated and read; without a type it is plain text."""

    def __init__(
        self,
        output: OutputType[OutputT] | None,
        *,
        mode: OutputMode = "tool",
        settings: OutputSettings | None = None,
    ) -> None:
        self.output = output
        self.mode = mode
        self._settings = settings or OutputSettings()
        self._deps: object = None
        self._last_offer: Offer | None = None
        self._accepted: tuple[AssistantMessage, ReadyCall] | None = None

    def for_run(self, deps: object) -> "OutputPlan[OutputT]":
        """Return the plan of one run, which validates each answer once.

        Args:
            deps: the dependencies of the run; pydantic validators get them as `info.context`.
        """
        if self.output is None:
            return self
        plan = copy(self)
        plan._deps = deps
        return plan

    @property
    def retries(self) -> int | None:
        """Return how often an invalid answer may be retried; None if no answer is invalid."""
        return None if self.output is None else self._settings.retries

    @cached_property
    def tool(self) -> Tool | None:
        """Return the tool that takes the answer; None if the mode is not `tool`."""
        return self.output.tool if self.output is not None and self.mode == "tool" else None

    @cached_property
    def choice(self) -> ToolChoice | None:
        """Return the tool choice that requires the answering tool."""
        return None if self.tool is None else ToolChoice(mode="required", name=self.tool.name)

    @cached_property
    def instructions(self) -> str:
        """Return the instructions about the format of the answer; empty for plain text."""
        if self.output is None:
            return ""
        if self.tool is not None:
            how = BY_TOOL_OR_TEXT if self.output.admits_text else BY_TOOL
            return how.format(name=self.tool.name)
        schema = json.dumps(self.output.tool.arguments_check.schema, ensure_ascii=False)
        return BY_TEXT.format(schema=schema)

    def with_tool(self, toolset: Toolset) -> Toolset:
        """Return `toolset` with the answering tool added."""
        return toolset if self.tool is None else _ToolsetWithAnswer(toolset, self.tool)

    def exempt_from(self, rule: ApprovalRule | None) -> ApprovalRule | None:
        """Return `rule` with an exemption for the answering tool, which has no effects."""
        if rule is None or self.tool is None:
            return rule
        return _with_exemption(rule, self.tool)

    def offer(
        self,
        tools: tuple[ToolSpec, ...],
        choice: ToolChoice,
        *,
        closing: StopReason | None,
        stream: bool,
    ) -> Offer:
        """Return the tools, the tool choice and the response format of one request."""
        if self.output is None:
            last = self._last_offer
            if last is None or last.tools is not tools or last.choice is not choice:
                last = self._last_offer = Offer(tools=tools, choice=choice)
            return last
        if self.tool is None or self.choice is None:
            schema = None
            if self.mode == "response_format" and not tools:
                schema = self.output.tool.arguments_check.schema
            return Offer(tools=tools, choice=choice, response_format=schema)
        own = self.tool.spec
        shown = own.name if stream else None
        is_only = tools in ((), (own,)) and not choice.is_forced
        if is_only or closing is not None or choice.mode == "none":
            return Offer(tools=(own,), choice=self.choice, shown_arguments=shown, accepts_text=True)
        if choice.is_forced and choice.name != own.name:
            # A required call must have an effect, and an answer has none.
            tools = tuple(spec for spec in tools if spec is not own)
        is_own = choice.name == own.name
        return Offer(tools=tools, choice=choice, shown_arguments=shown, accepts_text=is_own)

    def partial(self) -> PartialOutput | None:
        """Return a reader of partial output for one answer; None for plain text."""
        if self.output is None:
            return None
        return PartialOutput(in_text=self.tool is None, is_wrapped=self.output.is_wrapped)

    def judge(self, response: ModelResponse, *, is_closing: bool) -> Judgement | None:
        """Return the judgement of an answer; None if the response holds none."""
        if self.output is None or response.finish_reason == "content_filter":
            return None
        calls = response.message.tool_calls
        if not calls:
            return self._judge_text(self.output, response.message, is_closing=is_closing)
        own = [call for call in calls if self._is_own(call)]
        if not own or (len(own) < len(calls) and not is_closing):
            return None  # a call next to others runs as they do, and its tool rejects it
        return self._judge_calls(response.message, own, self.output)

    async def judge_off_loop(
        self, response: ModelResponse, *, is_closing: bool
    ) -> Judgement | None:
        """Judge an answer; a large one in a worker thread, so that other tasks go on."""
        if self.output is None:
            return None
        judge = partial(self.judge, response, is_closing=is_closing)
        if _size(response.message) <= LARGE_CHARACTERS:
            return judge()
        return await anyio.to_thread.run_sync(judge)

    def is_answered(self, history: History) -> bool:
        """Return whether `history` ends with a valid answer."""
        return self.output is not None and self._last(history, self.output) is not None

    def resumed(self, history: History) -> History:
        """Return the history to continue from, with a request for the answer if it has none."""
        is_answer = isinstance(history.last, AssistantMessage)
        if self.output is None or not is_answer or history.open_calls or self.is_answered(history):
            return history
        return history + [UserMessage(ASK.format(how=self.instructions))]

    def find(self, history: History) -> "RunOutput[OutputT]":
        """Return the output with which `history` ends."""
        text = _last_text(history)
        if self.output is None:
            last = history.last  # a text next to a call is not an answer
            is_answer = isinstance(last, AssistantMessage) and not last.tool_calls
            values: tuple[Any, ...] = (text,) if is_answer and text else ()
            return RunOutput(values=values, text=text)
        ready = self._last(history, self.output)
        if ready is None:
            return RunOutput(values=(), text=text)
        return RunOutput(values=(self.output.read(ready.bound),), text=_written(ready))

    def _judge_text(
        self, output: OutputType[OutputT], message: AssistantMessage, *, is_closing: bool
    ) -> Judgement:
        """Judge an answer in text, which is accepted even if a call was requested."""
        ready = _read_text(message.text, output, deps=self._deps)
        if isinstance(ready, ReadyCall):
            self._accepted = (message, ready)
            return Judgement(is_accepted=True, repairs=ready.repairs)
        reason = REJECTED.format(reason=ready, how=self.instructions)
        reply = None if is_closing else UserMessage(reason)
        return Judgement(reason=reason, reply=reply)

    def _judge_calls(
        self, message: AssistantMessage, own: Sequence[ToolCall], output: OutputType[OutputT]
    ) -> Judgement:
        """Judge an answer by a call, with a result for every call."""
        calls = message.tool_calls
        if len(own) > 1:
            reason = ONE_ANSWER.format(count=len(own))
            results = [ToolResult(call.id, reason, is_error=True) for call in calls]
            return Judgement(reason=reason, results=tuple(results))
        checked = validate_call(own[0], {output.tool.name: output.tool}, deps=self._deps)
        result = checked if isinstance(checked, ToolResult) else ToolResult(own[0].id, ACCEPTED)
        results = [
            result if call is own[0] else ToolResult(call.id, TOO_LATE, is_error=True)
            for call in calls
        ]
        if isinstance(checked, ToolResult):
            return Judgement(reason=checked.text, results=tuple(results))
        self._accepted = (message, checked)
        return Judgement(is_accepted=True, results=tuple(results), repairs=checked.repairs)

    def _is_own(self, call: ToolCall) -> bool:
        """Return whether a call is one of the answering tool."""
        return self.tool is not None and unwrap_name(call.name, {self.tool.name}) is not None

    def _last(self, history: History, output: OutputType[OutputT]) -> ReadyCall | None:
        """Return the valid answer with which `history` ends; None if there is none."""
        results: dict[str, ToolResult] = {}
        for message in reversed(history):
            if isinstance(message, ToolResult):
                results[message.call_id] = message
            elif isinstance(message, AssistantMessage) and not message.tool_calls:
                return None if results else self._validated(message, None, output)
            elif isinstance(message, AssistantMessage):
                own = [call for call in message.tool_calls if self._is_own(call)]
                if len(own) != 1 or own[0].id not in results or results[own[0].id].is_error:
                    return None
                return self._validated(message, own[0], output)
            else:
                break
        return None

    def _validated(
        self, message: AssistantMessage, call: ToolCall | None, output: OutputType[OutputT]
    ) -> ReadyCall | None:
        """Return the answer in a message, validated once: validators may act or draw an id."""
        if self._accepted is not None and self._accepted[0] == message:
            return self._accepted[1]
        if call is None:
            ready: object = _read_text(message.text, output, deps=self._deps)
        else:
            ready = validate_call(call, {output.tool.name: output.tool}, deps=self._deps)
        if not isinstance(ready, ReadyCall):
            return None
        self._accepted = (message, ready)
        return ready


PLAIN_TEXT: OutputPlan[Any] = OutputPlan(None)
"""The plan for plain text: it requests nothing and accepts any text."""


def _read_text(text: str, output: OutputType[Any], *, deps: object) -> ReadyCall | str:
    """Read structured output from text; few runs need that, so its module is loaded late."""
    ready: ReadyCall | str = output_package.output_text.read_text(text, output, deps=deps)
    return ready


def plan_output(
    annotation: Any, *, default_mode: OutputMode, settings: OutputSettings
) -> OutputPlan[Any]:
    """Return the plan for an output type; `str` is plain text.

    Raises:
        ConfigError: no JSON can be converted to the type.
    """
    mode = settings.mode or default_mode
    output = None if annotation is str else read_type(annotation, settings=settings)
    return OutputPlan(output, mode=mode, settings=settings)


class _ToolsetWithAnswer:
    """A toolset with the answering tool added at the end."""

    def __init__(self, toolset: Toolset, tool: Tool) -> None:
        self._toolset = toolset
        self._tool = tool
        self.open = toolset.open

    async def list_tools(self, history: History, /) -> Sequence[Tool]:
        """Return the tools for the next turn."""
        return self._add_to(await self._toolset.list_tools(history))

    def take_reports(self) -> Sequence[ToolsetReported]:
        """Return the reports of the toolset since the last call."""
        return take_reports(self._toolset)

    def _add_to(self, tools: Sequence[Tool]) -> Sequence[Tool]:
        if any(tool.name == self._tool.name for tool in tools):
            raise ToolDefinitionError(
                f"A tool has the name {self._tool.name!r}, which is that of the answering tool; "
                "rename it, or name the answering tool: OutputSettings(name=…)."
            )
        return (*tools, self._tool)


def _with_exemption(rule: ApprovalRule, tool: Tool) -> ApprovalRule:
    def exempting(call: ReadyCall) -> Any:
        return "allow" if call.tool is tool else rule(call)

    return exempting


def _written(ready: ReadyCall) -> str:
    """Return the arguments of an answer as JSON text: as the model wrote them, if it did."""
    written = ready.call.arguments.strip()
    if not written or ready.repairs or ("\\" in written and "\\u" in written):
        return json.dumps(ready.arguments, ensure_ascii=False)
    return written


def _size(message: AssistantMessage) -> int:
    return len(message.text) + sum(len(call.arguments) for call in message.tool_calls)


def _last_text(history: History) -> str:
    """Return the model's last text since the last user message; empty if there is none."""
    for message in reversed(history):
        if isinstance(message, UserMessage):
            break
        if isinstance(message, AssistantMessage) and message.text:
            return message.text
    return ""
