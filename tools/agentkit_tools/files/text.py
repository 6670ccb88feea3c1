"""Tell text from other files.

In:  the first bytes of a file.
Out: its text, or what else it is, in words.
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


def decode_text(data: bytes, *, is_whole: bool) -> str | None:
    """Return the text, None if it is none.

    Args:
        data: UTF-8, or UTF-16 with its mark.
        is_whole: False if the file goes on; then a character may be cut at the end.
    """
    encoding = "utf-16" if data.startswith(_UTF16) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def describe_bytes(data: bytes) -> str:
    """Say what kind of file begins so, as far as its first bytes tell."""
    for start, kind in _KINDS.items():
        if data.startswith(start):
            return kind
    return "binary data"
