"""Questions about numbers, units, times, days and files, for the tools that answer them.

In:  a question without its polite words, and one tool.
Out: `IntendedCall`s; none unless a pattern matches the complete question.

A tool is recognised by the words of its name and of its parameters.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeAlias

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.arithmetic import find_expression
from agentkit.sandbox.planner.question_tokens import DATE, NUMBER, PATH, QUOTED, parse_date
from agentkit.sandbox.planner.tool_knowledge import IntendedCall, KnownTool

_ASK = r"(?:what(?:'s| is| are) |how much (?:is|are) )?"
_PLACE = rf"(?:{QUOTED}|(?-i:[A-Z][\w'.+-]*(?:[ /][A-Z][\w'.+-]*)*|(?!and|the)\b[a-z]{{3,}}))"
_LIST = r"{0}(?:(?:, {0})*,? and (?:in )?{0})?"
_NOW = r"(?: (?:right )?now)?"
_PLACES = rf"{_NOW}(?: (?:in|at) (?P<places>{_LIST.replace('{0}', _PLACE)}))?{_NOW}"
_FILE = rf"(?:{QUOTED}|{PATH})"
_UNIT = (
    r"(?:(?![ap]m\b)(?:(?:degrees?|square|cubic|fluid|nautical|metric) )?[^\W\d_]+"
    r"(?:/[^\W\d_]+| per [^\W\d_]+)?|\u00b0[cf])"
)
_AMOUNT = rf"(?:{NUMBER} ?{_UNIT}(?:,? (?:and )?{NUMBER} ?{_UNIT})?|an? {_UNIT})"
_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "expression": (
        r"what (?P<asked>.+) is",
        rf"(?:(?:calculate|compute|evaluate|work out) |{_ASK})(?P<asked>.+)",
    ),
    "unit": (
        rf"(?:{_ASK}|convert )(?P<amount>{_AMOUNT}) (?:in|to|into) (?P<to>{_UNIT})",
        rf"how many (?P<to>{_UNIT}) (?:is|are|are there in|are in|in|make) (?P<amount>{_AMOUNT})",
        rf"(?P<to>{_UNIT}) in (?P<amount>an? {_UNIT})",
    ),
    "time": (
        rf"(?:{_ASK}the (?:current )?time|(?:current )?time(?= in)|what time is it){_PLACES}",
        rf"(?:{_ASK}(?:today's date|the (?:current )?date|the day of the week)(?: today)?"
        rf"|what (?:day|date|day of the week) is (?:it|today)(?: today)?){_PLACES}",
    ),
    "day": (
        rf"(?:how many )?days (?:is it |are there |are left |left )?(?:until|to) (?P<end>{DATE})",
        rf"how many days (?:is it |are there )?since (?P<start>{DATE})",
        rf"how many days (?:are |are there )?between (?P<start>{DATE}) and (?P<end>{DATE})",
    ),
    "read": (
        r"(?:what(?:'s| is) in|read|show(?: me)?|open|print) (?:the )?(?:files? )?"
        rf"(?P<path>{_LIST.replace('{0}', _FILE)})",
        rf"what does (?:the )?(?:file )?(?P<path>{_FILE}) say",
    ),
    "list": (
        r"(?:list|show me) (?:all )?(?:the |my )?files",
        r"(?:which|what) files (?:are (?:there|here)|do i have)",
    ),
    "search": (
        r"(?:(?:which|what) files (?:mention|contain)|(?:search|look in) (?:the |my )?files for)"
        rf"(?: the (?:word|text))? (?P<text>{QUOTED}|[\w-]+)",
    ),
}
_FACTORS = {
    r"f(?:ee|oo)?t in(?:ch(?:es)?)?": 12,
    r"(?:lbs?|pounds?) (?:oz|ounces?)": 16,
    r"h(?:(?:ou)?rs?)? min(?:ute)?s?": 60,
    r"min(?:ute)?s? sec(?:ond)?s?": 60,
}
"""Units of which one is given after the other, and how many of the second the first has."""


def read_known(text: str, tool: KnownTool, *, today: date) -> list[IntendedCall]:
    """Return how `tool` answers a question of these kinds; nothing if it does not."""
    known = tool.words.union(*(one.words for one in tool.parameters))
    topics = [topic for topic in _PATTERNS if topic in known]
    for topic, pattern in ((one, two) for one in topics for two in _PATTERNS[one]):
        if found := re.fullmatch(pattern, text, re.I):
            groups = {name: value or "" for name, value in found.groupdict().items()}
            pairs = _READERS[topic](groups, tool, today)
            calls = [IntendedCall(tool, *pair, is_named=topic == "day") for pair in pairs]
            if calls and all(tool.accepts(one.arguments) for one in calls):
                return calls
    return []


_Calls: TypeAlias = Iterator[tuple[Mapping[str, JsonValue], str]]


def _calculate(found: Mapping[str, str], tool: KnownTool, _: date) -> _Calls:
    name, asked = tool.find("expression"), found["asked"]
    expression = find_expression(asked)
    if name and expression:
        shown = re.sub(r",(?= (?:plus|minus|times))", "", asked)
        shown = re.sub(r" ?(?<!\*)\*(?!\*) ?", " \u00d7 ", re.sub(r" ?/ ?", " \u00f7 ", shown))
        is_order = re.match(r"add|subtract|multiply|divide", asked, re.I)
        yield {name: expression}, "The result is {}." if is_order else f"{shown} is {{}}."


def _convert(found: Mapping[str, str], tool: KnownTool, _: date) -> _Calls:
    ends = {one.words[0]: one.name for one in tool.parameters if "unit" in one.words}
    value = next((one.name for one in tool.parameters if one.type == "number"), None)
    number, unit = 0.0, ""
    for given, following in re.findall(rf"({NUMBER}|\ban?\b) ?({_UNIT})", found["amount"], re.I):
        both = f"{unit} {following}"
        factor = next((n for one, n in _FACTORS.items() if re.fullmatch(one, both, re.I)), 0)
        if unit and not factor:
            return
        number = number * factor + (float(given.replace(",", "")) if given[-1].isdigit() else 1)
        unit = following
    if value and {*ends} == {"from", "to"}:
        count = int(number) if number == int(number) else number
        arguments = {value: count, ends["from"]: unit, ends["to"]: found["to"]}
        yield arguments, f"{found['amount']} is {{}}."


def _get_time(found: Mapping[str, str], tool: KnownTool, _: date) -> _Calls:
    place = tool.find("timezone", "zone", "tz", "city", "location", "place")
    if place and len(tool.parameters) == 1:
        for one in map(_unquote, re.findall(_PLACE, found["places"], re.I)):
            yield {place: one}, f"In {one} it is {{}}."
        if not found["places"]:
            yield {}, "It is {}."


def _count_days(found: Mapping[str, str], tool: KnownTool, today: date) -> _Calls:
    names = [one.name for one in tool.parameters if one.kind == "date"]
    given = (found.get("start") or "today", found.get("end") or "today")
    start, end = (parse_date(one, today=today) for one in given)
    if len(names) == 2 and start and end:
        yield {names[0]: start, names[1]: end}, f"From {start} to {end} it is {{}} days."


def _use_files(found: Mapping[str, str], tool: KnownTool, _: date) -> _Calls:
    path, text = tool.find("path", "file", "filename"), tool.find("text", "query")
    if path and "path" in found:
        for one in map(_unquote, re.findall(_FILE, found["path"], re.I)):
            yield {path: one}, f"{one} says:\n{{}}"
    elif text and "text" in found:
        yield {text: _unquote(found["text"])}, f"{_unquote(found['text'])!r} is in:\n{{}}"
    elif not found and "file" in tool.words:
        yield {}, "The files are:\n{}"


def _unquote(text: str) -> str:
    return text[1:-1] if re.fullmatch(QUOTED, text) else text


_READERS = {
    "expression": _calculate, "unit": _convert, "time": _get_time, "day": _count_days,
    "read": _use_files, "list": _use_files, "search": _use_files,
}  # fmt: skip
