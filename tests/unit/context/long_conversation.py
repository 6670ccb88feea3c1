"""Conversations of any length, and a counter whose numbers are easy to compute."""

from agentkit.chat import ModelRequest
from agentkit.dialect.mistral_rules import result_text
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolCall, ToolResult
from agentkit.message import UserMessage as User


class LetterCounter:
    """One token for each letter of text, arguments and tools' descriptions."""

    is_exact = True

    def __init__(self) -> None:
        self.asked = 0

    def count(self, request: ModelRequest) -> int:
        """Return the letters of everything that is sent."""
        self.asked += 1
        tools = sum(len(tool.description) for tool in request.tools)
        return len(request.instructions) + tools + sum(map(letters, request.history))


def letters(message: Message) -> int:
    """Return the letters of one message."""
    if isinstance(message, SystemMessage):
        return len(message.text)
    if isinstance(message, ToolResult):
        return len(result_text(message))
    calls = message.tool_calls if isinstance(message, AssistantMessage) else ()
    return len(message.text) + sum(len(call.arguments) for call in calls)


def turn(number: int, *results: str) -> list[Message]:
    """Return an assistant message with a call for each result, and the results."""
    calls = [ToolCall(id=f"call{number}x{at}", name="read") for at in range(len(results))]
    answers = [ToolResult(call.id, text) for call, text in zip(calls, results, strict=True)]
    return [AssistantMessage(tool_calls=calls), *answers]


def working(turns: int, *, result: str, start: int = 0) -> list[Message]:
    """Return turns with one result each."""
    return [each for at in range(start, start + turns) for each in turn(at, result)]


def chatting(rounds: int, *, text: str) -> list[Message]:
    """Return questions and answers without tools."""
    return [
        message
        for at in range(rounds)
        for message in (User(f"{text} {at}?"), AssistantMessage(f"{text} {at}."))
    ]


def asking(*messages: Message, **options: object) -> ModelRequest:
    """Return a request with these messages."""
    return ModelRequest(history=History(messages), **options)  # type: ignore[arg-type]  # test values
