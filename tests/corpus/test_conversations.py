"""Conversations with providers that never send a call as it should be.

One leaves every call in the text of its answers, one writes every number as text, one does both.
The tools have effects: a call that was only moved runs, one whose values were repaired has to be
confirmed first. Every turn ends in the right answer, no call runs twice, and each form of a call is
confirmed once.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import anyio
import pytest

from agentkit import Agent, Conversation, Tool, ToolResult, build_model
from agentkit.sandbox.http_server import HttpRequest, Reply, serve
from agentkit.transport.retry import RetrySettings
from tests.corpus.formats import (
    Format,
    deepseek_v31,
    glm_45,
    hermes,
    kimi_k2,
    llama_function,
    mistral_v3,
    mistral_v13,
    qwen_xml,
)

Json = dict[str, Any]
Step = tuple[str, Mapping[str, Any]]

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "book_room": {"hotel": TEXT, "nights": INTEGER},
    "pay": {"amount": {"type": "number"}, "to": TEXT},
    "send_mail": {"to": TEXT, "text": TEXT},
}
TURNS: Mapping[str, Sequence[Step]] = {
    "Book it and pay.": [
        ("book_room", {"hotel": "Ritz", "nights": 2}),
        ("pay", {"amount": 240.5, "to": "Ritz"}),
    ],
    "Write to Ann, and book three nights in the Astoria.": [
        ("send_mail", {"to": "Ann", "text": "Room 2 is booked."}),
        ("book_room", {"hotel": "Astoria", "nights": 3}),
    ],
    "Pay that too.": [("pay", {"amount": 360, "to": "Astoria"})],
}
STEPS = [step for steps in TURNS.values() for step in steps]
FORMS: Sequence[Format] = (
    mistral_v3, mistral_v13, hermes, qwen_xml, llama_function, deepseek_v31, glm_45, kimi_k2,
)  # fmt: skip


def as_text(arguments: Mapping[str, Any]) -> Json:
    """Return arguments with every number as text."""
    return {key: str(value) for key, value in arguments.items()}


class Stubborn:
    """A provider that makes the calls of a turn one by one, until each has a result.

    Args:
        form: how it writes calls into the text; None for native calls.
        quotes_numbers: it writes every number as text.
    """

    def __init__(self, form: Format | None, *, quotes_numbers: bool) -> None:
        self._form = form
        self._quotes_numbers = quotes_numbers

    async def answer(self, request: HttpRequest) -> Reply:
        """Answer a question, or the result of a call."""
        body = json.loads(request.body)
        messages: list[Json] = body["messages"]
        last = max(at for at, one in enumerate(messages) if one["role"] == "user")
        results = [one["content"] for one in messages[last:] if one["role"] == "tool"]
        done = [result for result in results if not result.startswith("Not run")]
        steps = TURNS[messages[last]["content"]]
        if len(done) == len(steps):
            return _reply({"content": f"Done: {'; '.join(done)}"}, body, "stop")
        name, arguments = steps[len(done)]
        if self._quotes_numbers:
            arguments = as_text(arguments)
        if self._form is not None:
            return _reply({"content": self._form([(name, arguments)])}, body, "stop")
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": f"c{len(messages):08}", "type": "function", "function": function}
        return _reply({"content": None, "tool_calls": [call]}, body, "tool_calls")


def _reply(message: Json, body: Json, reason: str) -> Reply:
    said = {"role": "assistant", **message}
    if not body.get("stream"):
        answer = {"choices": [{"index": 0, "message": said, "finish_reason": reason}]}
        head = {"content-type": "application/json"}
        return Reply(headers=head, chunks=[json.dumps(answer).encode()])
    text = said.get("content") or ""
    deltas = [{"content": char} for char in text] if text else [said]
    choices = [{"index": 0, "delta": delta} for delta in deltas]
    events = [*choices, {"index": 0, "delta": {}, "finish_reason": reason}]
    lines = [f"data: {json.dumps({'choices': [one]})}\n\n".encode() for one in events]
    head = {"content-type": "text/event-stream"}
    return Reply(headers=head, chunks=[*lines, b"data: [DONE]\n\n"], is_stream=True)


def recording_tools(ran: list[Step]) -> list[Tool]:
    """Return tools with effects; each records its calls."""

    def run(arguments: Json, name: str) -> str:
        ran.append((name, arguments))
        return f"{name} {len(ran)}"

    return [
        Tool.from_schema(
            name=name,
            description=f"{name}, for a test.",
            input_schema={"type": "object", "properties": dict(fields), "required": list(fields)},
            handler=partial(run, name=name),
        )
        for name, fields in SCHEMAS.items()
    ]


async def talk(provider: Stubborn, *, stream: bool) -> tuple[list[Step], list[str], list[Step]]:
    """Ask every question; return the calls that ran, the answers, and the returned calls."""
    ran: list[Step] = []
    answers: list[str] = []
    async with serve(provider.answer) as url:
        model = build_model(
            "openai-compatible:my-model", base_url=url, retry=RetrySettings(attempts=1)
        )
        agent: Agent[None] = Agent(model, tools=recording_tools(ran))
        conversation = agent.conversation()
        for question in TURNS:
            if stream:
                async with conversation.stream(question) as run:
                    async for _ in run:
                        pass
                answers.append(run.result.output)
            else:
                answers.append((await conversation.run(question)).output)
    return ran, answers, _returned(conversation)


def _returned(conversation: Conversation[Any]) -> list[Step]:
    """Return the calls that got an error result in place of a run."""
    history = conversation.history
    failed = {one.call_id for one in history if isinstance(one, ToolResult) and one.is_error}
    calls = [call for message in history for call in getattr(message, "tool_calls", ())]
    return [(call.name, call.arguments) for call in calls if call.id in failed]


EXPECTED = [
    "Done: book_room 1; pay 2",
    "Done: send_mail 3; book_room 4",
    "Done: pay 5",
]
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])


@STREAMED
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_calls_run_if_a_provider_leaves_them_in_the_text(form: Format, stream: bool) -> None:
    """The calls are only moved, so they run at once."""
    provider = Stubborn(form, quotes_numbers=False)

    ran, answers, returned = anyio.run(partial(talk, provider, stream=stream))

    assert ran == STEPS
    assert answers == EXPECTED
    assert returned == []


@STREAMED
@pytest.mark.parametrize("form", [None, mistral_v3, hermes], ids=["native", "mistral", "hermes"])
def test_a_provider_that_writes_every_number_as_text(form: Format | None, stream: bool) -> None:
    """Its calls run when the model repeats them; the form that it confirms is asked for once."""
    provider = Stubborn(form, quotes_numbers=True)

    ran, answers, returned = anyio.run(partial(talk, provider, stream=stream))

    assert ran == STEPS
    assert answers == EXPECTED
    numbers = [step for step in STEPS if as_text(step[1]) != step[1]]
    assert [name for name, _ in returned] == [name for name, _ in numbers]
    assert len(set(returned)) == len(returned)
