"""The table of parameters in the documentation is what the profiles give."""

from pathlib import Path

import pytest

from agentkit.chat import ModelSettings
from agentkit.config.load import load_catalog
from tests.providers.parameter_table import REQUESTS, family_lines, fate, lines

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "providers.md"


def test_the_table_in_the_documentation_is_up_to_date() -> None:
    """Run `python -m tests.providers.parameter_table` and copy what it prints."""
    assert "\n".join(lines()) in DOCUMENT.read_text(encoding="utf-8")


def test_the_families_in_the_documentation_are_up_to_date() -> None:
    """The same command prints them."""
    assert "\n".join(family_lines()) in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("parameter", REQUESTS)
def test_each_parameter_reaches_openrouter_under_its_own_name(parameter: str) -> None:
    """Its directory page lists them for this model."""
    assert fate("openrouter", parameter) == "yes"


@pytest.mark.parametrize("provider", load_catalog())
def test_a_field_of_extra_body_is_sent_by_every_format(provider: str) -> None:
    """Whatever a provider invents can be used."""
    assert fate(provider, "structured_outputs") == "yes"


@pytest.mark.parametrize("name", ["model", "messages", "tools", "tool_choice", "stream"])
def test_extra_body_cannot_set_what_agentkit_writes(name: str) -> None:
    """The answer would be parsed wrong."""
    with pytest.raises(ValueError, match=name):
        ModelSettings(extra_body={name: "x"})
