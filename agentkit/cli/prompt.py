"""The prompt of a run: the question, what is piped in, and files.

In:  the words of the command line, standard input, paths.
Out: text, or a user message if there are images.
"""

import base64
import os
import select
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from agentkit.cli.terminal import decode_word, note
from agentkit.content import ContentBlock, ImageContent, TextContent
from agentkit.errors import ConfigError, HistoryError
from agentkit.message import UserMessage

STANDARD_INPUT = "-"

_NOTICE_SECONDS = 1.0
# The first bytes of the image formats that providers accept.
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def build_prompt(question: str | None, files: Sequence[Path] = ()) -> str | UserMessage:
    """Return the prompt: the question, then what is piped in, then the files.

    Args:
        question: `-` reads it from standard input; None if only standard input is meant.
        files: text files and images to add.

    Raises:
        HistoryError: there is nothing to ask.
        ConfigError: a file cannot be read, or is neither text nor an image.
    """
    if question == STANDARD_INPUT:
        question, piped = sys.stdin.read(), ""
    else:
        question, piped = decode_word(question or ""), read_piped_text()
    blocks = [_read_file(path) for path in files]
    texts = [question, piped, *(block.text for block in blocks if isinstance(block, TextContent))]
    text = "\n\n".join(part for part in texts if part.strip())
    images = [block for block in blocks if isinstance(block, ImageContent)]
    if not text and not images:
        raise HistoryError(
            "The question is empty; write it after 'run', pipe it in, or use '-' to type it."
        )
    if not images:
        return text
    return UserMessage(content=tuple(_blocks(text, images)))


def read_piped_text() -> str:
    """Return what is piped or redirected to standard input; empty if there is nothing.

    A terminal and devices such as `/dev/null` are not read. If a pipe stays empty, a note says what
    is waited for: some programs start others with a pipe that they never close.
    """
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):
        return _read_without_descriptor()
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        return ""
    if sys.platform != "win32" and not select.select([descriptor], [], [], _NOTICE_SECONDS)[0]:
        note(
            "Reading standard input until its end; add '< /dev/null' if nothing is piped in.",
            style="dim",
        )
    return sys.stdin.read()


def _read_without_descriptor() -> str:
    """Return the content of a stream in memory; programs that embed this may have none."""
    try:
        return sys.stdin.read()
    except OSError:
        return ""


def _blocks(text: str, images: Iterable[ContentBlock]) -> Iterable[ContentBlock]:
    if text:
        yield TextContent(text)
    yield from images


def _read_file(path: Path) -> TextContent | ImageContent:
    """Return a file as text with its name, or as an image."""
    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(f"The file {str(path)!r} cannot be read: {error.strerror}.") from error
    mime_type = _image_type(data)
    if mime_type is not None:
        return ImageContent(data=base64.b64encode(data).decode(), mime_type=mime_type)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The file {str(path)!r} is neither text in UTF-8 nor a PNG, JPEG, GIF or WebP image."
        ) from error
    return TextContent(f"The file {decode_word(path.name)}:\n\n{text}")


def _image_type(data: bytes) -> str | None:
    for start, mime_type in _IMAGES:
        if data.startswith(start):
            return mime_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None
