"""Read what a docstring says about a function and its parameters.

In:  a docstring in Google, NumPy or Sphinx form, or plain text.
Out: `Documentation`: a description for the model, and one for each parameter.
"""

import inspect
from collections.abc import Mapping
from dataclasses import field
from typing import Any, cast

from agentkit.lazy_import import load_object
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Documentation:
    """A description and, by name, those of parameters."""

    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Documentation:
    """Read a docstring; one in no known form is a description as a whole."""
    text = inspect.cleandoc(text or "")
    if "\n" not in text:
        return Documentation(description=text)
    parse = cast(Any, load_object("docstring_parser:parse"))
    try:
        found = parse(text)
    except Exception:  # noqa: BLE001  # any fault of a docstring is harmless
        return Documentation(description=text)
    return Documentation(
        description=(found.description or "").strip(),
        parameters={
            parameter.arg_name.lstrip("*"): " ".join(parameter.description.split())
            for parameter in found.params
            if parameter.description
        },
    )
