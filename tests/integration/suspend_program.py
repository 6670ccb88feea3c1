"""A program that begins a run, or goes on with one that another process began.

arguments: FOLDER BACKEND begin | answer | first | forged | hand-in

Forked by `test_suspend.py`. Prints how the run ended, as JSON.
"""

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from agentkit import (
    Agent,
    Approval,
    AssistantMessage,
    History,
    HistoryError,
    Tool,
    ToolCall,
    ToolResult,
    tool,
)
from agentkit.config.profile import ModelProfile
from agentkit.event import Emit
from agentkit.model import ModelRequest, ModelResponse
from agentkit.model.model import ModelConnection


class Payer:
    """Looks, wants to pay three times and to know something from elsewhere, then answers."""

    name = "payer:model"
    profile = ModelProfile(family="payer", id="model")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open it."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:  # noqa: ARG002
        """Answer; what is said follows from the history."""
        asked = sum(isinstance(message, AssistantMessage) for message in request.history)
        calls: list[list[ToolCall]] = [
            [
                ToolCall(id="look00001", name="look"),
                *(
                    ToolCall(id=f"pay00000{n}", name="pay", arguments=json.dumps({"amount": n}))
                    for n in (1, 2, 3)
                ),
            ],
            [ToolCall(id="locate001", name="locate")],
        ]
        if asked < len(calls):
            message = AssistantMessage(tool_calls=calls[asked])
            return ModelResponse(message=message, finish_reason="tool_calls")
        return ModelResponse(message=AssistantMessage("Done."), finish_reason="stop")


def build_agent(folder: Path) -> Agent[None]:
    """Return the agent; its payments are written to a file."""

    @tool(read_only=True)
    def look() -> str:
        """Look; counted, as it must not be run again."""
        with (folder / "effects.txt").open("a") as file:
            file.write("looked\n")
        return "looked"

    @tool(approval="ask")
    def pay(amount: int) -> str:
        """Pay.

        Args:
            amount: how much.
        """
        with (folder / "effects.txt").open("a") as file:
            file.write(f"paid {amount}\n")
        return f"paid {amount}"

    locate: Tool[..., Any] = Tool.external(
        name="locate", description="Where the user is.", input_schema={"type": "object"}
    )
    return Agent(Payer(), tools=[look, pay, locate])


def answers(history: History) -> list[Approval]:
    """Approve the first payment, refuse the second, make the third a smaller one."""
    first, second, third = history.open_calls
    return [
        Approval.approve(first),
        Approval.deny(second, reason="Too much."),
        Approval.approve(third, arguments={"amount": 7}),
    ]


def first_only(history: History) -> list[Approval]:
    """Approve the first payment and say nothing of the others."""
    return [Approval.approve(history.open_calls[0])]


def forged(history: History) -> list[Approval]:
    """Approve a call that has the same id and other arguments."""
    return [Approval.approve(replace(history.open_calls[0], arguments='{"amount": 1000}'))]


ANSWERS: dict[str, Callable[[History], list[Approval]]] = {
    "answer": answers,
    "first": first_only,
    "forged": forged,
}


async def go(folder: Path, what: str) -> Any:
    """Begin or go on, and keep the history."""
    agent, stored = build_agent(folder), folder / "history.json"
    if what == "begin":
        result = await agent.run("Pay the bills.")
    else:
        history = History.from_json(stored.read_text())
        approvals = ANSWERS[what](history) if what in ANSWERS else []
        if what == "hand-in":
            (call,) = history.open_calls
            history += [ToolResult(call.id, "Paris")]
        try:
            result = await agent.run(history=history, approvals=approvals)
        except HistoryError as error:
            return {"error": str(error)}
    stored.write_text(result.history.to_json())
    return {
        "stop_reason": result.stop_reason,
        "open": [call.id for call in result.open_calls],
        "output": result.text,
    }


def start(arguments: list[str]) -> None:
    """Begin as a program: do what is asked."""
    folder, backend, what = arguments
    json.dump(anyio.run(partial(go, Path(folder), what), backend=backend), sys.stdout)
