"""Output types, a tool, and scripted answers of a model."""

import json
from dataclasses import dataclass
from decimal import Decimal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from agentkit import AssistantMessage, History, OutputSettings, ToolCall, tool
from agentkit.agent import AgentOptions
from agentkit.json_schema import JsonObject, JsonValue
from agentkit.testing.scripted import tool_call

BY_PROMPT = AgentOptions(output=OutputSettings(mode="prompt"))
BY_FORMAT = AgentOptions(output=OutputSettings(mode="response_format"))


class Invoice(BaseModel):
    """An invoice."""

    number: str
    total: Decimal = Field(gt=0)


@dataclass
class Contact:
    """A person to write to."""

    name: str
    email: str | None = None


class Point(TypedDict):
    """A point."""

    x: int
    y: int


@tool(read_only=True)
def look_up(number: str) -> str:
    """Look up an invoice."""
    return f"{number}: 12.50"


def asks(*calls: ToolCall) -> AssistantMessage:
    """Return a message with these calls and no text."""
    return AssistantMessage(tool_calls=calls)


def answers(arguments: JsonValue, *, call_id: str = "answer001") -> AssistantMessage:
    """Return a message that calls the answering tool."""
    return asks(ToolCall(id=call_id, name="final_answer", arguments=json.dumps(arguments)))


LOOK_UP = tool_call("look_up", number="A-1")
RIGHT: JsonObject = {"number": "A-1", "total": "12.50"}
WRONG: JsonObject = {"number": "A-1", "total": -1}
INVOICE = Invoice(number="A-1", total=Decimal("12.50"))


def texts(history: History) -> list[str]:
    """Return the text of every message."""
    return [message.text for message in history]
