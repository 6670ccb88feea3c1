"""Content blocks check their fields."""

import pytest

from agentkit.content import EmbeddedResource


@pytest.mark.parametrize("contents", [{}, {"text": "a", "blob": "YQ=="}])
def test_an_embedded_resource_holds_text_or_a_blob(contents: dict[str, str]) -> None:
    """Neither or both is a ValueError."""
    with pytest.raises(ValueError, match="either text or a blob"):
        EmbeddedResource(uri="u", text=contents.get("text"), blob=contents.get("blob"))
