"""Estimate how many tokens a text is, without a tokenizer.

In:  a text.
Out: a number that is rarely below that of Mixtral's tokenizer, and for English and code about a
     third above it.

The weights come from samples in the tests. Text of random short letters can be longer than this
says; nothing can be longer than its UTF-8 bytes.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from agentkit.chat import ToolSpec
from agentkit.content import ContentBlock, ReasoningContent, TextContent
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult

_KIND = re.compile(
    r"(?P<dense>[A-Za-z0-9+/=-]{32,})"  # base64, hashes, long links
    r"|(?P<word>[A-Z]?[a-z]+)"
    r"|(?P<capitals>[A-Z]+)"
    r"|(?P<single>[0-9\x00-\x1f\x7f])"
    r"|(?P<spaces> +(?= [A-Za-z])| +(?![ A-Za-z]))"  # the one before a word is part of its token
    r"|(?P<frame>[\"{}\[\]():,]{2,})"  # of JSON and code, where such runs are tokens
    r"|(?P<mark>[!-/:-@\[-`{-~])"
    r"|(?P<other>[^\x00-\x7f])"
)
_UNIT = re.compile(re.sub(r"\?P<\w+>", "?:", _KIND.pattern))
_SHORT_WORD = 5  # letters; most such words are one token
_LONG_WORD = 18  # letters; what is longer is hardly a word
_LETTERS = 3  # per token, of a longer word
_SPACES = 4  # per token, at least, in a run of spaces

_WEIGHTS = (
    (0x00C0, 0x0100, 1),  # accented letters of Western Europe
    (0x0100, 0x0250, 3),  # further Latin: one to two, and they split the word around them
    (0x0386, 0x03D0, 1),  # Greek
    (0x0410, 0x0450, 1),  # Cyrillic
    (0x05D0, 0x05EB, 1),  # Hebrew
    (0x0620, 0x064B, 1),  # Arabic
    (0x3040, 0x3100, 2),  # kana; like the next two, one if frequent, three if rare
    (0x4E00, 0xA000, 2),  # Chinese characters
    (0xAC00, 0xD7B0, 2),  # Hangul
)


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` is, 0 for no text."""
    units = Counter(_UNIT.findall(text))
    return sum(_weigh(unit) * count for unit, count in units.items()) + bool(text)


def _weigh(unit: str) -> int:
    """Return the tokens of one unit."""
    found = _KIND.match(unit)
    if found is None or found.lastgroup == "other":
        return _other(unit)
    return _ASCII[found.lastgroup](len(unit))


def _word(letters: int) -> int:
    if letters <= _SHORT_WORD:
        return 1
    return _up(min(letters, _LONG_WORD) - 2, _LETTERS) + max(0, letters - _LONG_WORD)


def _other(char: str) -> int:
    """Return the tokens of a character beyond ASCII: of an unlisted script, its UTF-8 bytes."""
    code = ord(char)
    for first, end, weight in _WEIGHTS:
        if first <= code < end:
            return weight
    return len(char.encode("utf-8", "surrogatepass"))


def _up(count: int, divisor: int) -> int:
    """Return `count / divisor`, rounded up."""
    return -(-count // divisor)


_ASCII: Mapping[str | None, Callable[[int], int]] = {
    "dense": int,
    "word": _word,
    "capitals": lambda letters: _up(letters, 2),
    "single": int,
    "spaces": lambda spaces: _up(spaces, _SPACES),
    "frame": lambda marks: _up(marks, 2),
    "mark": int,
}
"""The tokens of each kind of unit, from its length."""


_MESSAGE_OVERHEAD = 96  # markers, roles and ids, and a filler message that the rules may add
_TOOL = 160
_REENCODED_GROWTH = 4  # times, at most, that JSON grows by decoding and encoding: 1e9
_JSON_STARTS = frozenset('{["-0123456789tfnNI')


def max_text_tokens(text: str) -> int:
    """Return an upper bound of the tokens of instructions, with the markers of a prompt."""
    return _MESSAGE_OVERHEAD + _max_tokens(text)


def max_tool_tokens(tools: Iterable[ToolSpec]) -> int:
    """Return the most tokens that an offer of `tools` can have."""
    return _TOOL + sum(
        _TOOL
        + _max_tokens(tool.name)
        + _max_tokens(tool.description)
        + _max_tokens(tool.input_schema)
        for tool in tools
    )


def max_message_tokens(messages: Iterable[Message]) -> float:
    """Return an upper bound of the tokens of `messages`; `inf` if they hold more than text."""
    return sum(map(_max_message_tokens, messages))


def _max_message_tokens(message: Message) -> float:
    if isinstance(message, SystemMessage):
        return _MESSAGE_OVERHEAD + _max_tokens(message.text)
    text = _only_text(message.content)
    if text is None:
        return math.inf
    most = _MESSAGE_OVERHEAD + _max_tokens(text)
    match message:
        case ToolResult():
            if message.structured_content is not None and not text:
                return math.inf
            return most * _REENCODED_GROWTH if text.lstrip()[:1] in _JSON_STARTS else most
        case AssistantMessage(tool_calls=calls):
            return most + sum(
                _MESSAGE_OVERHEAD
                + _max_tokens(call.name)
                + _REENCODED_GROWTH * _max_tokens(call.arguments)
                for call in calls
            )
        case _:
            return most


def _only_text(blocks: Sequence[ContentBlock]) -> str | None:
    """Return the text that is sent, or None if there is more than text."""
    texts: list[str] = []
    for block in blocks:
        match block:
            case TextContent():
                texts.append(block.text)
            case ReasoningContent():
                pass
            case _:
                return None
    return "\n".join(texts)


def _max_tokens(value: object) -> int:
    """Return the bytes of a value as JSON, with characters beyond ASCII escaped."""
    return len(json.dumps(value))
