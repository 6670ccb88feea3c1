"""Content blocks check their fields."""

import copy
import pickle
from dataclasses import field, replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from agentkit.content import EmbeddedResource, ReasoningContent, TextContent, short_repr
from agentkit.event import ReasoningReceived, TextReceived
from agentkit.message import SystemMessage
from agentkit.tools.approval import Verdict
from agentkit.value import dataclass


@pytest.mark.parametrize("contents", [{}, {"text": "a", "blob": "YQ=="}])
def test_an_embedded_resource_holds_text_or_a_blob(contents: dict[str, str]) -> None:
    """Neither or both is a ValueError."""
    with pytest.raises(ValueError, match="either text or a blob"):
        EmbeddedResource(uri="u", text=contents.get("text"), blob=contents.get("blob"))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TextContent, "text"),
        (ReasoningContent, "text"),
        (SystemMessage, "text"),
        (TextReceived, "text"),
        (ReasoningReceived, "text"),
        (Verdict, "decision"),
    ],
)
def test_the_obvious_field_is_positional(kind: Any, name: str) -> None:
    """The others take a keyword; copies, pickles, pydantic and patterns work as before."""
    value = kind("deny")

    assert value == kind(**{name: "deny"})
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value
    assert replace(value, **{name: "allow"}) == kind("allow")
    assert TypeAdapter(kind).validate_python({name: "deny"}) == value
    assert kind.__match_args__ == (name,)
    with pytest.raises(TypeError, match="positional"):
        kind("deny", "more")


def test_a_short_repr_leaves_out_what_has_its_default() -> None:
    """And names a field that follows one that was left out."""

    @dataclass(frozen=True, slots=True)
    class Short:
        a: int = 1
        b: tuple[int, ...] = ()
        c: list[int] = field(default_factory=list, kw_only=True)
        hidden: int = field(default=0, repr=False)

        __repr__ = short_repr

    name = Short.__qualname__
    assert repr(Short()) == f"{name}()"
    assert repr(Short(2, (3,), c=[4], hidden=5)) == f"{name}(2, (3,), c=[4])"
    assert repr(Short(b=(3,))) == f"{name}(b=(3,))"
