"""Docstrings: descriptions for the model."""

# the functions and classes here are what is looked at

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import pytest
from pydantic import Field
from typing_extensions import Doc

from agentkit.tools.tool import tool

T = TypeVar("T")


def properties(function: Callable[..., object]) -> Any:
    """Return the properties of the derived schema."""
    return tool(function).input_schema["properties"]


def google(a: int, b: str = "") -> None:
    """Do a thing.

    In two lines.

    Args:
        a: how many,
            at most ten.
        b (str): what of.
    """


def numpy(a: int, b: str = "") -> None:
    """Do a thing.

    In two lines.

    Parameters
    ----------
    a : int
        how many,
        at most ten.
    b : str
        what of.
    """


def sphinx(a: int, b: str = "") -> None:
    """Do a thing.

    In two lines.

    :param a: how many,
        at most ten.
    :param b: what of.
    """


@pytest.mark.parametrize("function", [google, numpy, sphinx])
def test_docstrings_of_three_formats_are_read(function: Callable[..., object]) -> None:
    """The description goes to the tool, those of parameters into the schema."""
    made = tool(function)

    assert made.description == "Do a thing.\n\nIn two lines."
    assert properties(function)["a"]["description"] == "how many, at most ten."
    assert properties(function)["b"]["description"] == "what of."


def test_a_description_in_the_annotation_wins() -> None:
    """`Field`, a plain text or a `Doc`, in this order of precedence."""

    def function(
        a: Annotated[int, Field(description="from field")],
        b: Annotated[int, "from text"],
        c: Annotated[int, Doc("from doc")],
        d: int,
    ) -> None:
        """Do.

        Args:
            a: from docstring
            b: from docstring
            c: from docstring
            d: from docstring
        """

    found = {name: one["description"] for name, one in properties(function).items()}

    assert found == {"a": "from field", "b": "from text", "c": "from doc", "d": "from docstring"}


def test_a_docstring_of_unknown_format_is_the_description() -> None:
    """Also one that the parser cannot read, and none at all."""

    def odd() -> None: ...

    odd.__doc__ = "Look.\n\nArgs:\n  :param :\n---\n"
    assert tool(odd).description.startswith("Look.")
    odd.__doc__ = None
    assert tool(odd).description == ""
    odd.__doc__ = "One line."
    assert tool(odd).description == "One line."


def test_a_docstring_that_breaks_the_parser_is_kept_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The parser is a third party's; its faults are not the user's."""

    def refuse(_: str) -> None:
        raise ValueError

    monkeypatch.setattr("docstring_parser.parse", refuse)

    assert tool(google).description.startswith("Do a thing.")
