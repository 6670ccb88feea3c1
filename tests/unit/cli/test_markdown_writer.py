"""Blocks of Markdown that are complete while an answer arrives."""

import io

import pytest
from rich.console import Console

from agentkit.cli.markdown_writer import complete_blocks, render_markdown

BLOCKS = {
    "an open line": ("Hello", ""),
    "one paragraph": ("Hello\n", ""),
    "a paragraph and the next": ("One\n\nTwo\n", "One\n\n"),
    "an empty line at the end": ("One\n\n", ""),
    "a list goes on": ("- a\n\n- b\n", ""),
    "a numbered list goes on": ("1. a\n\n2. b\n", ""),
    "an indented continuation": ("- a\n\n  more\n", ""),
    "text after a list": ("- a\n\nend\n", "- a\n\n"),
    "an open fence": ("```\na\n\nb\n", ""),
    "a closed fence": ("```\na\n\nb\n```\n\nend\n", "```\na\n\nb\n```\n\n"),
    "other fences inside": ("````\n```\n\nx\n", ""),
}


@pytest.mark.parametrize(("text", "complete"), BLOCKS.values(), ids=BLOCKS.keys())
def test_only_complete_blocks_are_rendered(text: str, complete: str) -> None:
    """A list, a fence or a paragraph is rendered as one."""
    assert text[: complete_blocks(text)] == complete


def test_html_and_links_are_shown() -> None:
    """Rich would drop HTML, and a link's text could hide its address."""
    shown = io.StringIO()

    Console(file=shown, width=80).print(
        render_markdown("<div>x</div>\n\nsee [bank](https://evil.example) <b>y</b> \x1b[2J\u202e")
    )

    text = shown.getvalue()
    for part in ("<div>x</div>", "https://evil.example", "<b>y</b>", "\\x1b[2J", "\\u202e"):
        assert part in text
