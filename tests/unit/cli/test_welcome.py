"""The short screen of `agentkit`; see also `test_questions`."""

import pytest

from agentkit.cli.welcome import documentation_of

FOLDER = "the folder 'docs' of the project"
URLS = {
    "an address": (["Repository, https://r.example/x/"], "https://r.example/x/tree/HEAD/docs"),
    "a placeholder": (["Repository, https://r.invalid/x"], FOLDER),
    "another one": (["Changelog, https://r.example/x"], FOLDER),
    "none": ([], FOLDER),
}


@pytest.mark.parametrize(("urls", "expected"), URLS.values(), ids=URLS.keys())
def test_the_documentation_is_in_the_repository(urls: list[str], expected: str) -> None:
    """An address that leads nowhere is not shown."""
    assert documentation_of(urls) == expected
