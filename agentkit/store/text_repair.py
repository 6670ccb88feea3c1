"""Repair text that a database cannot keep.

In:  text from anywhere.
Out: the same text if it can be encoded and holds no NUL; else the nearest that can be kept.

PostgreSQL refuses the NUL character in text, SQLite keeps it but cuts some results there. Lone
surrogates (a model's stream may cut a character in two) have no form in UTF-8. Both become U+FFFD,
the replacement character; two surrogates that belong together become their character.
"""

REPLACEMENT = "\ufffd"


def repair_text(text: str) -> str:
    """Return `text` as both databases can keep it; the same object if nothing is wrong."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", REPLACEMENT) if "\0" in text else text
