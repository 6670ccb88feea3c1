"""Repair text that a database cannot keep.

In:  text from anywhere.
Out: the same text if it can be encoded and holds no NUL; else the nearest that can be kept.

PostgreSQL refuses the NUL character in text; SQLite keeps it but cuts some results there. Neither
takes lone surrogates. Both become U+FFFD, the replacement character.
"""

from agentkit.surrogates import replace_surrogates

REPLACEMENT = "\ufffd"


def repair_text(text: str) -> str:
    """Return `text` as both databases can keep it; the same object if nothing is wrong."""
    text = replace_surrogates(text)
    return text.replace("\0", REPLACEMENT) if "\0" in text else text
