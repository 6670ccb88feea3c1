"""Each field of a request has one fate: in the guide, in the code, and for the vendors' clients."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agentkit.dialect.anthropic_messages import server_request as messages
from agentkit.dialect.anthropic_messages.server_body import MessagesBody
from agentkit.dialect.openai_chat import server_request as chat
from agentkit.dialect.openai_chat.server_body import ChatBody
from agentkit.dialect.openai_responses import server_request as responses
from agentkit.dialect.openai_responses.server_body import ResponsesBody

GUIDE = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (carried|accepted|refused)(?: \(([^)]*)\))?", re.MULTILINE)


def fates(route: str) -> dict[str, tuple[str, list[object]]]:
    """Return the rows of the table about a route: the fate, and the neutral values."""
    table = GUIDE.partition(f"### Fields of `{route}`")[2].partition("\n#")[0]
    return {
        name: (fate, [json.loads(text) for text in re.findall(r"`([^`]*)`", values or "")])
        for name, fate, values in ROW.findall(table)
    }


@pytest.mark.parametrize(
    ("route", "code", "body"),
    [
        ("/v1/chat/completions", chat, ChatBody),
        ("/v1/responses", responses, ResponsesBody),
        ("/v1/messages", messages, MessagesBody),
    ],
    ids=["chat", "responses", "messages"],
)
def test_the_guide_has_the_fate_of_each_field(route: str, code: object, body: type) -> None:
    """As the code has it, and no field has two."""
    carried: dict[str, Any] = dict.fromkeys(code.CARRIED_FIELDS, ("carried", []))  # type: ignore[attr-defined]  # a module
    accepted: dict[str, Any] = dict.fromkeys(code.HARMLESS_FIELDS, ("accepted", []))  # type: ignore[attr-defined]
    neutral = code.NEUTRAL_VALUES.items()  # type: ignore[attr-defined]
    refused = {name: ("refused", list(values)) for name, values in neutral}

    assert fates(route) == {**carried, **accepted, **refused}
    assert len(carried) + len(accepted) + len(refused) == len(fates(route))
    assert set(fates(route)) == set(body.model_fields)  # type: ignore[attr-defined]  # a model


def test_the_guide_has_each_parameter_of_the_vendors_clients() -> None:
    """By their own types."""
    openai = pytest.importorskip("openai.types.chat.completion_create_params")
    responses = pytest.importorskip("openai.types.responses.response_create_params")
    anthropic = pytest.importorskip("anthropic.types.message_create_params")

    assert set(openai.CompletionCreateParamsBase.__annotations__) <= set(
        fates("/v1/chat/completions")
    )
    assert set(responses.ResponseCreateParamsBase.__annotations__) <= set(fates("/v1/responses"))
    assert set(anthropic.MessageCreateParamsBase.__annotations__) <= set(fates("/v1/messages"))
