"""Recognize text files.

In:  the first bytes of a file.
Out: its text, or a description of its kind.
"""

import codecs
from collections.abc import Mapping

_KINDS: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x1f\x8b": "gzip data",
    b"\x7fELF": "a program",
    b"SQLite format 3\x00": "an SQLite database",
}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_text(data: bytes, *, is_complete: bool) -> str | None:
    """Return the text; None if it is not text.

    Args:
        data: UTF-8, or UTF-16 with a byte order mark.
        is_complete: False if the file has more bytes; then the last character may be incomplete.
    """
    encoding = "utf-16" if data.startswith(_UTF16) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, final=is_complete)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def describe_bytes(data: bytes) -> str:
    """Return the kind of file, by its first bytes."""
    for start, kind in _KINDS.items():
        if data.startswith(start):
            return kind
    return "binary data"
