"""Part a question into the things it asks for.

In:  what the user said; a way to find the tool for a sentence.
Out: sentences, in order, each with its tool.
"""

import re
from collections.abc import Callable

from agentkit.sandbox.planner.tool_matching import Match

_END = re.compile(r"(?<=[?!;])\s+|(?<=\.)\s+(?=[A-Z])|\n+")
_STARTS = """
what what's how which who whose when where is are was does do can could please tell show give find
search list read open write save send email create add delete remove remind schedule book translate
convert calculate compute set get check look make post play order buy pay cancel turn switch start
stop run draw count sort
"""
_JOINT = re.compile(
    r"(?:,?\s+and(?:\s+(?:also|then))?|,?\s+then|,\s*also|,)\s+"
    rf"(?=(?:{'|'.join(_STARTS.split())})\b)|(?:,|\s+and)\s+then\s+",
    re.I,
)
_AND = re.compile(r",?\s+and\s+(?:the\s+)?", re.I)
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
_FOLLOW_UP = re.compile(r"^(?:and|what about|how about|now|also)\b", re.I)

Pick = Callable[[str], Match | None]


def split_clauses(text: str, pick: Pick) -> list[tuple[str, Match | None]]:
    """Return the sentences of `text` with the tool that `pick` finds for each."""
    found: list[tuple[str, Match | None]] = []
    for sentence in cut_sentences(text):
        whole = pick(sentence)
        if whole is not None and whole.takes_all and len(whole.filling.arguments) == 1:
            found.append((sentence, whole))
            continue
        picked = [(part, pick(part)) for part in _cut(sentence, _JOINT)]
        if whole is not None and not all(_can_call(match) for _, match in picked):
            picked = [(sentence, whole)]
        for part, match in picked:
            found += _cut_nouns(part, match, pick)
    return found


def cut_sentences(text: str) -> list[str]:
    """Cut `text` where a sentence ends."""
    return _cut(text, _END)


def is_follow_up(sentence: str, match: Match | None) -> bool:
    """Say whether a sentence only makes sense after an earlier question."""
    is_short = len(sentence.split()) <= 6
    return is_short and (match is None or not match.can_call or bool(_FOLLOW_UP.match(sentence)))


def _cut(text: str, joint: re.Pattern[str]) -> list[str]:
    """Cut `text` at `joint`, but not inside quotations."""
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    parts, start = [], 0
    for match in joint.finditer(text):
        if not any(begin < match.end() and match.start() < end for begin, end in quoted):
            parts.append(text[start : match.start()])
            start = match.end()
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _cut_nouns(sentence: str, match: Match | None, pick: Pick) -> list[tuple[str, Match | None]]:
    """Part "the weather in Paris and the time in Lima", where each half has its own tool."""
    halves = _cut(sentence, _AND)
    if len(halves) == 1:
        return [(sentence, match)]
    picked = [(half, pick(half)) for half in halves]
    names = {found.tool.name for _, found in picked if found is not None and found.can_call}
    is_apart = len(names) > 1 and all(_can_call(found) for _, found in picked)
    return list(picked) if is_apart else [(sentence, match)]


def _can_call(match: Match | None) -> bool:
    return match is not None and match.can_call
