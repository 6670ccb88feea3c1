"""Answers as they are on the wire, provider by provider; each folder of `wire/` is a case.

`response.sse` or `response.json` is what the provider sends; `expected.json` the outcome: what is
shown, the text, the calls, usage and repairs, or the error.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.dialect.base import Dialect
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.errors import ProviderError
from agentkit.event import TextReceived
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.model.response_builder import ResponseBuilder
from agentkit.wire import WireHead

WIRE = Path(__file__).parent / "wire"
CASES = sorted(path.parent for path in WIRE.glob("*/*/expected.json"))
DIALECTS: Mapping[str, Callable[[], Dialect]] = {"openai_chat": OpenAIChat}
TOOLS = tuple(
    ToolSpec(name=name, description="", input_schema={"type": "object"}) for name in ("add", "now")
)
REQUEST = ModelRequest(history=History((UserMessage("2 + 3?"),)), tools=TOOLS, stream=True)
TYPES = {".sse": "text/event-stream", ".json": "application/json"}


def read(case: Path, size: int) -> dict[str, Any]:
    """Return what a response decodes to that arrives in chunks of `size` bytes."""
    response = next(case.glob("response.*"))
    body = response.read_bytes()
    head = WireHead(status=200, headers={"content-type": TYPES[response.suffix]})
    decoder, builder = DIALECTS[case.parent.name]().decoder(head), ResponseBuilder(REQUEST)
    shown: list[str] = []
    try:
        for start in range(0, len(body), size):
            events = builder.feed(decoder.feed(body[start : start + size]))
            shown.extend(event.text for event in events if isinstance(event, TextReceived))
        events = [*builder.feed(decoder.close()), *builder.close()]
        shown.extend(event.text for event in events if isinstance(event, TextReceived))
        answer = builder.finish()
    except ProviderError as error:
        return {"shown": "".join(shown), "error": (error.kind, error.retry, str(error))}
    return {
        "shown": "".join(shown),
        "text": answer.message.text,
        "calls": [[call.id, call.name, call.arguments] for call in answer.message.tool_calls],
        "finish": answer.finish_reason,
        "usage": [answer.usage.input_tokens, answer.usage.output_tokens],
        "cost": answer.usage.cost_usd,
        "repaired": [repair.kind for repair in answer.repairs],
    }


@pytest.mark.parametrize("size", [1, 64, 100_000])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_response_becomes_what_is_expected(case: Path, size: int) -> None:
    """The same for every cut."""
    expected = json.loads((case / "expected.json").read_text())

    got = read(case, size)

    if "error" in expected:
        kind, retry, said = expected["error"]
        assert (got["shown"], got["error"][:2]) == (expected["shown"], (kind, retry))
        assert said in got["error"][2]
    else:
        cost = Decimal(expected["cost"]) if "cost" in expected else None
        assert got == {**expected, "cost": cost}
