"""A person fills in the form of an MCP server at the terminal."""

from typing import Any

import pytest

from agentkit.cli.mcp.elicitation import form_asker
from agentkit.mcp.client.server_requests import ElicitationRequest, ElicitationResponse
from tests.unit.cli.test_approval_prompt import Person

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "title": "Your name"},
        "age": {"type": "integer", "description": "in years", "default": 7},
        "sure": {"type": "boolean"},
        "size": {"type": "string", "enum": ["S", "L"]},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
    },
    "required": ["name", "sure"],
}


async def answered(*lines: str | None, **question: Any) -> tuple[ElicitationResponse, Person]:
    """Return the result of these lines."""
    person = Person(*lines)
    asked = ElicitationRequest(server="s", message="Who?", **question)
    return await form_asker(person)(asked), person


async def test_each_field_is_asked_for_until_it_is_valid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With its default filled in; an optional field may be left empty."""
    answer, person = await answered(
        "y", "B", "Bo", "seven", "8", "", "maybe", "yes", "", "x, y", schema=FORM
    )

    assert answer == ElicitationResponse(
        action="accept", content={"name": "Bo", "age": 8, "sure": True, "tags": ["x", "y"]}
    )
    assert [prompt.strip() for prompt, _ in person.asked] == [
        "Answer it? [y/n]",
        "Your name:",
        "Your name:",
        "age (in years):",
        "age (in years):",
        "sure:",
        "sure:",
        "sure:",
        "size (S, L):",
        "tags:",
    ]
    assert person.asked[3][1] == "7"
    assert person.asked[-1][1] == '["a"]'
    assert "s asks: Who?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "action"),
    [(["n"], "decline"), ([""], "decline"), ([None], "cancel"), (["y", None], "cancel")],
)
async def test_a_request_may_be_declined_or_cancelled(lines: list[str | None], action: str) -> None:
    """The answer `n` declines, and the end of input cancels."""
    answer, _ = await answered(*lines, schema=FORM)

    assert answer.action == action


async def test_a_url_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the user accepts."""
    answer, _ = await answered("y", url="https://x.example/")

    assert answer == ElicitationResponse(action="accept")
    assert "https://x.example/" in capsys.readouterr().err
