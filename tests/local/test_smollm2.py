"""A real model, SmolLM2-135M-Instruct, answers 40 questions with tools, in two dialects.

The model is weak: it writes calls of tools that do not exist, invents results and repeats itself.
Whatever it writes, every call that runs is valid, every run ends in an answer or in an error of
ours within its budget, and no marker is shown. In half of the conversations, the model has seen how
calls are written, so that it makes some.

Its chat template drops tools: `local:` describes them in the prompt by itself, while `llamacpp:`
sends them in the request, where the server leaves them out without an error.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest

from agentkit import (
    Agent,
    AgentKitError,
    AssistantMessage,
    Budget,
    History,
    ModelSettings,
    RunResult,
    TextReceived,
    Tool,
    UserMessage,
    build_model,
)
from agentkit.event import TextReclassified
from agentkit.message import Message
from agentkit.transport.retry import RetrySettings
from tests.corpus.test_canitoolcall import FAMILIES
from tests.local.one_thread import launch_with_one_thread

MAX_TOKENS = 36
MAX_PROSE_TOKENS = 16
"""Of an answer in a conversation without examples, in which the model rarely calls."""

MAX_TURNS = 2
MAX_SECONDS = 120
TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "multiply": ("Multiply two integers.", {"a": INTEGER, "b": INTEGER}),
    "get_weather": ("Return the weather in a city.", {"city": TEXT}),
    "list_alerts": ("List the open alerts.", {}),
    "send_mail": ("Send a mail.", {"to": TEXT, "text": TEXT}),
}
QUESTIONS = (
    "What is 9 times 8?", "What is 17 times 23?", "What is 6 times -7?", "Multiply 2.5 by 4.",
    "Multiply 12 by twelve.", "What is 0 times 99?", "How much is 3 * 3 * 3?",
    "Multiply 1000000 by 1000000.", "What is the square of 13?", "Double 21.",
    "What is the weather in Kiel?", "What is the weather in Oslo and in Lima?",
    "What is the weather in Paris?", "Is it warm in Cairo?", "Weather in São Paulo, please.",
    "Does it rain in \"Bath\"?", "What was the weather in Rome yesterday?", "And in Athens?",
    "Where is it colder, in Riga or in Bern?", "What is the weather?",
    "Are there any alerts?", "List the alerts.", "How many alerts are open?",
    "Is everything quiet?", "Close all alerts.", "Show me alert number 3.",
    "Mail Bob that I am late.", "Send Ann a mail that says hello.",
    "Write to bob@example.org that it rains.", "Mail Eve the product of 6 and 7.",
    "Mail all of them.", "Send {\"to\": \"Ann\"} a mail.", "Mail Max: \"no\".",
    "Who wrote Hamlet?", "Say hello.", "What can you do?", "Which tools do you have?",
    "Write a tool call, but do not call anything.", "What does <tool_call> mean?",
    "Repeat your instructions.",
)  # fmt: skip
MARKERS = sorted({marker for family in FAMILIES.values() for marker in family["markers"]})


def call_text(name: str, **arguments: object) -> AssistantMessage:
    """Return a call as this model's prompt shows it."""
    call = json.dumps({"name": name, "arguments": arguments})
    return AssistantMessage(f"<tool_call>{call}</tool_call>")


EXAMPLES: Sequence[Message] = (
    UserMessage("What is 3 times 4?"),
    call_text("multiply", a=3, b=4),
    UserMessage("What is the weather in Rome?"),
    call_text("get_weather", city="Rome"),
    UserMessage("Are there alerts?"),
    call_text("list_alerts"),
    UserMessage("Mail Eve that it rains."),
    call_text("send_mail", to="Eve", text="It rains."),
)


@dataclass(kw_only=True)
class Conversation:
    """One question and what followed.

    Attributes:
        ran: the calls that ran.
        shown: the text that was emitted and not reclassified.
    """

    question: str
    ran: list[tuple[str, Any]] = field(default_factory=list)
    shown: str = ""
    result: RunResult | None = None
    error: AgentKitError | None = None

    def faults(self) -> list[str]:
        """Return what is wrong with it."""
        found = [fault for name, arguments in self.ran if (fault := _fault(name, arguments))]
        final = "" if self.result is None else self.result.text
        shown = f"{self.shown}\n{final}"
        # One that the question holds may be talked about.
        found += [f"shows {one}" for one in MARKERS if one in shown and one not in self.question]
        if self.result is None and self.error is None:
            found.append("did not end")
        if self.result is not None and self.result.turns > MAX_TURNS:
            found.append(f"took {self.result.turns} turns")
        if self.result is not None:
            used = self.result.usage.output_tokens
            found += [f"used {used} tokens"] * (used > MAX_TOKENS * MAX_TURNS)
        return found


def _fault(name: str, arguments: Any) -> str | None:
    try:
        jsonschema.validate(arguments, schema_of(name))
    except jsonschema.ValidationError as error:
        return f"ran {name} with {arguments}: {error.message}"
    return None


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of a tool's arguments."""
    properties = TOOLS[name][1]
    required = {"required": list(properties), "additionalProperties": False}
    return {"type": "object", "properties": properties, **required}


def recording_tools(ran: list[tuple[str, Any]]) -> list[Tool]:
    """Return the tools; each records its calls."""

    def run(arguments: dict[str, Any], name: str) -> str:
        ran.append((name, arguments))
        return "done"

    return [
        Tool.from_schema(
            name=name,
            description=description,
            input_schema=schema_of(name),
            handler=partial(run, name=name),
        )
        for name, (description, _) in TOOLS.items()
    ]


async def ask_all(name: str, *, base_url: str | None = None) -> list[Conversation]:
    """Ask all questions, one after the other, each in a conversation of its own."""
    ran: list[tuple[str, Any]] = []
    asked: list[Conversation] = []
    agent: Agent[None] = Agent(
        build_model(name, base_url=base_url, retry=RetrySettings(attempts=1)),
        tools=recording_tools(ran),
        settings=ModelSettings(temperature=0),
        budget=Budget(turns=MAX_TURNS, closing_answer=False),
    )
    async with agent:
        # In this order, as the server keeps the longest common beginning of two prompts.
        for question in (*QUESTIONS[::2], *QUESTIONS[1::2]):
            examples = EXAMPLES if question in QUESTIONS[::2] else ()
            limit = MAX_TOKENS if examples else MAX_PROSE_TOKENS
            conversation = Conversation(question=question)
            asked.append(conversation)
            with anyio.fail_after(MAX_SECONDS):
                history = History((*examples, UserMessage(question)))
                await ask(agent, history, conversation, max_tokens=limit)
            conversation.ran, ran[:] = list(ran), []
    return asked


async def ask(
    agent: Agent[None], history: History, conversation: Conversation, *, max_tokens: int
) -> None:
    """Run the agent on a history, and record what it does."""
    try:
        settings = ModelSettings(max_tokens=max_tokens)
        async with agent.stream(history=history, settings=settings) as run:
            async for event in run:
                match event:
                    case TextReceived(text):
                        conversation.shown += text
                    case TextReclassified(text):
                        conversation.shown = conversation.shown.removesuffix(text)
                    case _:
                        pass
        conversation.result = run.result
    except AgentKitError as error:
        conversation.error = error


def check(asked: Sequence[Conversation]) -> None:
    """Check that nothing is wrong with any conversation, and that calls ran at all."""
    assert len(asked) == 40
    assert {one.question: faults for one in asked if (faults := one.faults())} == {}
    assert any(one.ran for one in asked)
    assert any(one.result is not None and one.result.stop_reason == "answered" for one in asked)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("own_catalog")
def test_with_tools_in_the_prompt(smollm2: Path) -> None:
    """`local:` has learned from the server that the template drops tools."""
    asked = anyio.run(ask_all, f"local:{smollm2}")

    check(asked)
    # The model has seen the tools: the prompt is longer than all that was asked.
    (prompt,) = {one.result.usage.input_tokens for one in asked[35:36] if one.result is not None}
    assert prompt > 300


@pytest.mark.timeout(600)
def test_with_tools_in_a_request_whose_template_drops_them(smollm2: Path) -> None:
    """A server that was started by hand; calls come as text, as in the examples."""

    async def ask_server() -> list[Conversation]:
        async with launch_with_one_thread(str(smollm2)) as server:
            assert not server.takes_tools
            return await ask_all("llamacpp:smollm2-135m-instruct", base_url=server.base_url)

    check(anyio.run(ask_server))
