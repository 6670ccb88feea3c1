"""Hold back text that may turn out to be a tool call, while an answer streams in.

In:  pieces of text, cut anywhere.
Out: at once, what can be nothing but text; the rest waits for the end of the answer.

No part of a marker is ever shown before it is certain that no call follows it. What is held stays
short until a call has really begun, so that the cost is linear in the text.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Literal, TypeAlias

from agentkit.dialect.text_calls.finder import DECORATION, decoration_start
from agentkit.dialect.text_calls.parser import (
    AFTER_MARKER,
    CALL_KEYS,
    MARKER,
    MAX_SPACE_CHARS,
    TYPE,
)
from agentkit.dialect.tool_names import unwrap_name

Verdict: TypeAlias = Literal["wait", "call", "text"]

_MARKERS = (
    "[toolcalls]",
    "[toolcall]",
    "<toolcalls>",
    "<toolcall>",
    "<|toolcalls|>",
    "<|toolcall|>",
    "<functioncalls>",
    "<functioncall>",
    "<|functioncalls|>",
    "<|functioncall|>",
    "<pythontag>",
    "<|pythontag|>",
    "<|toolcallbegin|>",
    "<|toolcallsbegin|>",
    "<|toolcallssectionbegin|>",
    "<minimax:toolcall>",
    "<function=",
    "<function(",
    "<functionname=",
    "<invokename=",
    "<|channel|>commentaryto=",
    "<|channel|>analysisto=",
    "```toolcode",
    "```toolcall",
)
_MARKER_CHARS = 150
_BRACKET_CHARS = 2  # with the backslash that Markdown may put before it
_MAX_DECORATION = 20
_WINDOW = 3 * MAX_SPACE_CHARS  # what is looked at behind a marker
_OPENING = re.compile(
    r"\\?\[(?= ?(?:t|\Z))|<(?=[|\uff5c]?(?:[cfimpt]|\Z))|`{1,3}(?=t|\Z)|\\\Z", re.IGNORECASE
)
_FILLING = re.compile(r"[\\_\u2581 -]")
_TAGS = ("<function=", "<function(", "<functionname=", "<invokename=")
_LIST = re.compile(r"\\?\[\s*")
_PYTHON_NAME = re.compile(r"\[\s*(?P<name>[A-Za-z0-9_.:\\-]{1,200})?(?P<end>\(|\Z)")
_JSON_START = re.compile(r"\\?[\[{`]|\\\Z")  # a backslash may also begin a name
_ARGUMENTS = "[ARGS]{"
_SIGN = re.compile(rf"[\\\[<`{DECORATION}]")  # no marker and nothing before one is without
_FENCE = re.compile(r"`{1,2}\Z|```[\w-]*\s*")
_KEY = re.compile(r"\\?\{\s*(?:(?P<quote>[\"'])(?P<key>\w*)(?P<end>(?P=quote)?))?")
_NAME = re.compile(r"[A-Za-z0-9_.:\\-]{1,200}")


class LeakGuard:
    """Lets text through as soon as it is certain to be text.

    Args:
        offered: the names of the tools on offer; with none, nothing is ever held.
    """

    def __init__(self, offered: AbstractSet[str]) -> None:
        self._offered = offered
        self._waiting = ""
        self._is_start = bool(offered)
        self._is_call = False
        self._is_after_word = False

    @property
    def may_be_in_call(self) -> bool:
        """Say whether an answer that breaks off here may do so inside a call.

        A marker need not be whole for that. A bracket at the end of a text is not enough.
        """
        held = self._waiting.strip()
        is_nothing_else = self._is_start and bool(held)
        is_marker = len(held.lstrip(f"{DECORATION} ")) > _BRACKET_CHARS
        return self._is_call or is_nothing_else or is_marker

    def feed(self, text: str) -> str:
        """Take the next piece and return what may be shown now."""
        if self._is_call or not self._offered:
            return "" if self._is_call else text
        if not self._is_start and not self._waiting and text and not _SIGN.search(text):
            self._is_after_word = not text[-1].isspace()
            return text
        self._waiting += text
        if self._is_start:
            verdict = self._judge_start(self._waiting)
            if verdict == "wait" and len(self._waiting) <= MAX_SPACE_CHARS:
                return ""
            self._is_start = False
            if verdict == "call" or (verdict == "wait" and self._waiting.strip()):
                return self._hold(0)
        return self._let_through()

    def _let_through(self) -> str:
        """Return the text up to where a marker begins or may begin."""
        if not _SIGN.search(self._waiting):
            return self._keep(len(self._waiting))
        done = 0
        while marker := MARKER.search(self._waiting, done):
            verdict = self._judge_after(marker)
            is_endless = len(self._waiting) - marker.end() > MAX_SPACE_CHARS
            if verdict == "call" or (verdict == "wait" and is_endless):
                return self._hold(self._before_decoration(marker.start()))
            if verdict == "wait":
                return self._keep(self._before_decoration(marker.start()))
            done = marker.end()
        opening = _unfinished_marker(self._waiting, done)
        return self._keep(max(done, self._before_decoration(opening)))

    def _judge_after(self, marker: re.Match[str]) -> Verdict:
        """Say whether what follows a marker is a call, may become one, or is text."""
        start = marker.end()
        inner: re.Match[str] | None = marker
        while inner is not None:
            if inner.re is MARKER and inner.group("name") is not None:
                return "call" if unwrap_name(inner.group("name"), self._offered) else "text"
            space = AFTER_MARKER.match(self._waiting, inner.end())
            start = space.end() if space is not None else inner.end()
            inner = MARKER.match(self._waiting, start) or TYPE.match(self._waiting, start)
        after = self._waiting[start : start + _WINDOW]
        if not after.strip() or _unfinished_marker(after, 0) == 0:
            return "wait"
        listed = _PYTHON_NAME.match(after)
        if listed is not None:
            return self._judge_name(
                listed.group("name") or "", is_complete=bool(listed.group("end"))
            )
        if _JSON_START.match(after):
            return _judge_json(after)
        name = _NAME.match(after)
        rest = "" if name is None else after[name.end() :]
        is_type = name is not None and name.group() == "function" and rest[:1] == "<"
        if is_type and ">" not in rest:
            return "wait"
        return self._judge_name("" if name is None else name.group(), is_complete=bool(rest))

    def _judge_name(self, name: str, *, is_complete: bool) -> Verdict:
        """Say the same of a name; with a namespace before it, a part may become any name."""
        if not is_complete:
            return "wait" if name else "text"
        return "call" if unwrap_name(name, self._offered) is not None else "text"

    def _judge_start(self, text: str) -> Verdict:
        """Say the same of the start of an answer, where a call may stand without a marker."""
        text = text.lstrip()
        fence = _FENCE.match(text)
        start = 0 if fence is None else fence.end()
        name = _NAME.match(text, start)
        if name is None:
            return _judge_json(text)
        rest = text[name.end() :].replace(" ", "")
        if not rest:
            is_possible = any(offer.startswith(name.group()) for offer in self._offered)
            return "wait" if is_possible else "text"
        if name.group() not in self._offered:
            return "text"
        if rest.startswith((_ARGUMENTS, "{")):
            return "call"
        return "wait" if _ARGUMENTS.startswith(rest) else "text"

    def _before_decoration(self, end: int) -> int:
        """Return where in front of `end` begins what Markdown put there; `end` if nothing."""
        window = self._waiting[max(0, end - _MAX_DECORATION) : end]
        is_cut = len(window) < end
        start = decoration_start(window, is_attached=is_cut or self._is_after_word)
        return end - len(window) + start

    def _hold(self, start: int) -> str:
        """Hold everything from `start` on, to the end of the answer."""
        self._is_call = True
        return self._keep(start)

    def _keep(self, start: int) -> str:
        """Let the text before `start` through and keep the rest."""
        shown, self._waiting = self._waiting[:start], self._waiting[start:]
        if shown:
            self._is_after_word = not shown[-1].isspace()
        if self._is_call:
            self._waiting = ""  # the whole text is with the reader of the answer
        return shown


def _judge_json(text: str) -> Verdict:
    """Say whether `text` begins a call in JSON: an object, a list of objects, fenced or not."""
    text = text.lstrip()
    fence = _FENCE.match(text)
    if fence is not None:
        text = text[fence.end() :]
    text = _LIST.sub("", text, count=1) if _LIST.match(text) else text
    if not text or text == "\\":
        return "wait"
    found = _KEY.match(text)
    if found is None:
        return "text"
    key = found.group("key")
    if key is None:
        return "wait" if found.end() == len(text) else "text"
    if found.group("end"):
        return "call" if key in CALL_KEYS else "text"
    is_possible = found.end() == len(text) and any(known.startswith(key) for known in CALL_KEYS)
    return "wait" if is_possible else "text"


def _unfinished_marker(text: str, start: int) -> int:
    """Return where at the end of `text` a marker may have begun; its length if nowhere."""
    for opening in _OPENING.finditer(text, max(start, len(text) - _MARKER_CHARS)):
        spelled = _FILLING.sub("", text[opening.start() :]).lower().replace("\uff5c", "|")
        is_tag = spelled.startswith(_TAGS) and ">" not in spelled
        if is_tag or any(marker.startswith(spelled) for marker in _MARKERS):
            return opening.start()
    return len(text)
