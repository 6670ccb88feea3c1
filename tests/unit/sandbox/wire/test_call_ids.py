"""Ids are derived from the request, in each provider's format."""

import re
from typing import get_args

import pytest

from agentkit.sandbox.wire.call_ids import derive_id
from agentkit.sandbox.wire.provider_format import IdFormat

PATTERNS = {
    "nine": "[a-zA-Z0-9]{9}",
    "call": "call_[a-zA-Z0-9]{24}",
    "call_short": "call_[0-9a-f]{8}",
    "chatcmpl_tool": "chatcmpl-tool-[0-9a-f]{32}",
    "long": "[a-zA-Z0-9]{32}",
    "digits": "[0-9]{9}",
    "toolu": "toolu_01[a-zA-Z0-9]{22}",
    "uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "zero": "0",
}


@pytest.mark.parametrize("form", get_args(IdFormat))
def test_an_id_has_its_format_and_is_repeatable(form: IdFormat) -> None:
    """If an id is taken, another one is derived, unless the format has only one."""
    first = derive_id("seed", (), form=form)
    second = derive_id("seed", {first}, form=form)

    assert re.fullmatch(PATTERNS[form], first)
    assert derive_id("seed", (), form=form) == first
    assert (second == first) == (form == "zero")
