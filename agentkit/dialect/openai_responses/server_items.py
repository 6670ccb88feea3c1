"""Read the items of a request in the OpenAI responses format as messages.

In:  `InputItem`s: messages, calls, results, reasoning, one after the other.
Out: messages of ours, in which an answer with its calls is one message.
"""

from collections.abc import Iterator, Sequence

from agentkit.content import ContentBlock, ReasoningContent, TextContent
from agentkit.dialect.openai_responses.server_body import (
    AnswerItem,
    CallItem,
    CallOutputItem,
    InputImage,
    InputItem,
    InputPart,
    InputText,
    MessageItem,
    OutputText,
    ReasoningItem,
)
from agentkit.dialect.received_request import InvalidRequestError, Path, as_image
from agentkit.json_schema import JsonValue
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)


def read_items(items: str | Sequence[InputItem]) -> tuple[Message, ...]:
    """Return the messages of a request.

    Raises:
        InvalidRequestError: an image is not in the request itself.
    """
    if isinstance(items, str):
        return (UserMessage(items),) if items else ()
    return tuple(_read(items))


def shown_items(items: str | Sequence[JsonValue], *, prefix: str) -> list[JsonValue]:
    """Return items as a stored response lists them: each with an id, text as a list of parts.

    Args:
        items: as they came.
        prefix: what the ids begin with that are made up here.
    """
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    return [_shown(item, f"{prefix}_{place}") for place, item in enumerate(items)]


def _shown(item: JsonValue, name: str) -> JsonValue:
    if not isinstance(item, dict):
        return item
    shown = {"type": "message", "id": name} | {
        key: value for key, value in item.items() if value is not None
    }
    if shown["type"] != "message":
        return {"status": "completed", **shown}
    is_answer = shown.get("role") == "assistant"
    content = shown.get("content")
    if isinstance(content, str):
        part: dict[str, JsonValue] = {
            "type": "output_text" if is_answer else "input_text",
            "text": content,
        }
        shown["content"] = [part]
    if is_answer and isinstance(shown["content"], list):
        shown["content"] = [
            {"annotations": [], **one} if isinstance(one, dict) else one for one in shown["content"]
        ]
    return {"status": "completed", **shown}


class _Answer:
    """An answer whose parts come as items of their own."""

    def __init__(self) -> None:
        self.content: list[ContentBlock] = []
        self.calls: list[ToolCall] = []

    def add(self, item: AnswerItem | CallItem | ReasoningItem) -> None:
        match item:
            case AnswerItem():
                self.content += _as_text(_answer_text(item))
            case CallItem():
                call = ToolCall(id=item.call_id, name=item.name, arguments=item.arguments)
                self.calls.append(call)
            case ReasoningItem():
                text = "".join(part.text for part in item.content or item.summary)
                self.content += [ReasoningContent(text)] if text else []

    def take(self) -> Iterator[Message]:
        """Yield the answer, if there is one, and begin the next."""
        if self.content or self.calls:
            yield AssistantMessage(self.content, tool_calls=self.calls)
            self.content, self.calls = [], []


def _read(items: Sequence[InputItem]) -> Iterator[Message]:
    answer = _Answer()
    for place, item in enumerate(items):
        match item:
            case MessageItem():
                yield from answer.take()
                yield _as_message(item, place)
            case CallOutputItem():
                yield from answer.take()
                blocks = _as_blocks(item.output, ("input", place, "output"))
                yield ToolResult(call_id=item.call_id, content=blocks)
            case _:
                answer.add(item)
    yield from answer.take()


def _as_message(item: MessageItem, place: int) -> Message:
    if item.role == "user":
        return UserMessage(_as_blocks(item.content, ("input", place, "content")))
    if isinstance(item.content, str):
        return SystemMessage(item.content)
    return SystemMessage("".join(one.text for one in item.content if isinstance(one, InputText)))


def _as_blocks(content: str | Sequence[InputPart], path: Path) -> tuple[ContentBlock, ...]:
    if isinstance(content, str):
        return _as_text(content)
    blocks: list[ContentBlock] = []
    for place, part in enumerate(content):
        match part:
            case InputText():
                blocks += _as_text(part.text)
            case InputImage(image_url=str(url)):
                blocks.append(as_image(url, (*path, place, "image_url")))
            case InputImage():
                raise InvalidRequestError(
                    "an image needs an image_url", path=(*path, place), code="unsupported_value"
                )
    return tuple(blocks)


def _answer_text(item: AnswerItem) -> str:
    if isinstance(item.content, str):
        return item.content
    return "".join(
        part.text if isinstance(part, OutputText) else part.refusal for part in item.content
    )


def _as_text(text: str) -> tuple[TextContent, ...]:
    return (TextContent(text),) if text else ()
