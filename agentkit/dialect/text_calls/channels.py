"""Read an answer that consists of messages on channels, as gpt-oss writes it (Harmony).

In:  the text of an answer that begins with a header, as it arrives.
Out: pieces of text and reasoning; at the end the calls.

The format is https://github.com/openai/harmony/blob/main/docs/format.md. `analysis` is reasoning, a
message with a recipient is a call, everything else is answer text. The text of the `final` channel
is never searched for calls: the format has a place of its own for them. A malformed header, which
gpt-oss writes at times, is skipped.
"""

import re
from typing import Literal, NamedTuple

from agentkit.dialect.text_calls.families.harmony import read_message_call
from agentkit.dialect.text_calls.grammar import Cursor, OfferedTools
from agentkit.dialect.text_calls.piece import Piece
from agentkit.dialect.tool_call_assembler import CallDraft

_START = re.compile(r"\s*(?:<\|(?:start|channel)\|>|to=[\w.-]{1,160}\s{0,2}<\|channel\|>)")
_STARTS = ("<|start|>", "<|channel|>")
_RECIPIENT_START = "to="
_RECIPIENT = re.compile(r"\bto=(?P<name>[^\s<]{1,160})")
_CHANNEL = re.compile(r"<\|channel\|>\s*(?P<name>[A-Za-z]{0,40})")
_TOKEN = re.compile(r"<\|(?:start|end|message|return|call)\|>")
_BODY_END = re.compile(r"<\|(?:end|return)\|>|<\|start\|>(?=assistant)")
_AFTER_CALL = re.compile(r"\s*(?:<\|(?:call|end|return)\|>)?")
_TOKENS = ("<|start|>assistant", "<|end|>", "<|return|>", "<|message|>", "<|call|>")
_MAX_HEADER = 400
_SEPARATOR = "\n\n"


def may_begin_channels(text: str) -> bool | None:
    """Return whether an answer that begins with `text` consists of messages; None if undecided."""
    if _START.match(text):
        return True
    start = text.lstrip()
    if any(one.startswith(start) for one in (*_STARTS, _RECIPIENT_START)):
        return None
    is_recipient = re.fullmatch(r"to=[\w.-]{0,160}\s{0,2}(?:<\|?[channel]{0,7}\|?)?", start)
    return None if is_recipient else False


class ChannelCall(NamedTuple):
    """A call, and its text from the recipient on."""

    call: CallDraft
    source: str


class ChannelReader:
    """Reads one answer; see `AnswerReader`, which uses it."""

    def __init__(self, tools: OfferedTools) -> None:
        self._tools = tools
        self._buffer = ""
        self._state: Literal["header", "text", "reasoning", "call"] = "header"
        self._recipient = ""
        self._call_header = ""
        self._calls: list[ChannelCall] = []
        self._has_text = False
        self._is_new_message = False
        self._raw_call: list[str] = []

    def feed(self, text: str) -> list[Piece]:
        """Take the next text and return the pieces it completes."""
        if self._state == "call":
            self._raw_call.append(text)
            return []
        self._buffer += text
        return self._run(is_end=False)

    def close(self) -> tuple[list[Piece], list["ChannelCall"]]:
        """Return what is left, and the calls."""
        pieces = self._run(is_end=True)
        return pieces, self._calls

    def _run(self, *, is_end: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while True:
            if self._state == "call" and not is_end:
                self._raw_call.append(self._buffer)
                self._buffer = ""
                return pieces
            if self._state == "call":
                self._buffer = "".join([*self._raw_call, self._buffer])
                self._raw_call = []
                self._read_call()
            elif self._state == "header":
                if not self._read_header(pieces, is_end=is_end):
                    return pieces
            elif not self._read_body(pieces, is_end=is_end):
                return pieces

    def _read_header(self, pieces: list[Piece], *, is_end: bool) -> bool:
        """Read up to `<|message|>`; return whether anything was read."""
        if not self._buffer.strip():
            return False
        at = len("<|start|>") if self._buffer.lstrip().startswith("<|start|>") else 0
        at += len(self._buffer) - len(self._buffer.lstrip())
        token = _TOKEN.search(self._buffer, at)
        if token is None and not is_end and len(self._buffer) < _MAX_HEADER:
            return False
        header = self._buffer[: len(self._buffer) if token is None else token.start()]
        rest = "" if token is None else self._buffer[token.end() :]
        channel = _CHANNEL.search(header)
        recipient = _RECIPIENT.search(header)
        if token is None or token.group() != "<|message|>":
            # No message follows: skip the header, but keep what a final channel says without it.
            if channel is not None and channel.group("name") == "final":
                self._emit(pieces, header[channel.end() :].strip())
            self._buffer = (
                rest if token is None or token.group() != "<|start|>" else (token.group() + rest)
            )
            return bool(self._buffer)
        self._buffer = rest
        self._is_new_message = True
        if recipient is not None and recipient.group("name") != "assistant":
            self._recipient, self._state = recipient.group("name"), "call"
            self._call_header = f"{header[recipient.start() :]}{token.group()}"
        else:
            name = "" if channel is None else channel.group("name")
            self._state = "reasoning" if name == "analysis" else "text"
        return True

    def _read_body(self, pieces: list[Piece], *, is_end: bool) -> bool:
        """Read text or reasoning up to its end token; return whether the message ended."""
        end = _BODY_END.search(self._buffer)
        if end is not None:
            self._emit(pieces, self._buffer[: end.start()])
            is_next = end.group() == "<|start|>"
            self._buffer = self._buffer[end.start() if is_next else end.end() :]
            self._state = "header"
            return True
        keep = 0 if is_end else _unfinished(self._buffer)
        self._emit(pieces, self._buffer[: len(self._buffer) - keep])
        self._buffer = self._buffer[len(self._buffer) - keep :]
        return False

    def _emit(self, pieces: list[Piece], text: str) -> None:
        """Add a piece of the current message."""
        if not text:
            return
        if self._state == "reasoning":
            pieces.append(Piece("reasoning", text))
            return
        if self._is_new_message and self._has_text:
            text = _SEPARATOR + text
        self._is_new_message = False
        self._has_text = True
        pieces.append(Piece("text", text))

    def _read_call(self) -> None:
        """Read the JSON of a call, and go on behind it."""
        cursor = Cursor(self._buffer, 0, self._tools)
        cursor.skip_space()
        call = read_message_call(cursor, self._recipient)
        source = f"{self._call_header}{self._buffer[: cursor.at]}"
        self._calls.append(ChannelCall(call=call, source=source))
        cursor.match(_AFTER_CALL)
        self._buffer = self._buffer[cursor.at :]
        self._state = "header"


def _unfinished(text: str) -> int:
    """Return how many characters at the end of `text` may belong to a token."""
    for size in range(min(len(text), max(map(len, _TOKENS))), 0, -1):
        if any(token.startswith(text[-size:]) for token in _TOKENS):
            return size
    return 0
