"""Say in words what came of the calls.

In:  calls with their results, and the sentences they were made for.
Out: plain text: results read out in the order asked, failures told as they are.
"""

import json
import re
from collections.abc import Mapping, Sequence

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import PastCall

_MAX_TEXT = 4_000
_MAX_JOINED_WORDS = 16
_MAX_DEPTH = 8
_ERROR = re.compile(
    r"^\W*(?:tool\s+)?(?:error|failed|failure|refused|denied|invalid|unknown tool|cannot|could not"
    r"|[A-Z]\w*(?:Error|Exception))\b",
    re.IGNORECASE,
)
_COMPLAINT = re.compile(
    r"\bcannot be\b|\bnot found\b|\bwas not run\b|\bthere is no\b|\bno such\b|\bdid you mean\b"
    r"|\bdoes not exist\b|\bis not (?:an?|allowed|valid|known)\b|\bmust be\b|\bunknown\b",
    re.IGNORECASE,
)
_MAX_COMPLAINT = 600
_ERROR_KEYS = ("error", "isError", "is_error")
_IS = re.compile(r"^(?:what(?:'s| is| are| was)|how much (?:is|are))\s+(.+)$", re.I | re.S)
_HOW_MANY = re.compile(
    r"^how many\s+(.+?)\s+(?:are|is|make|in)\s+(?:there in\s+)?(.+)$", re.I | re.S
)
_TIME = re.compile(r"^what(?:'s| is)?(?: the)? time(?: is it)?\b\s*(.*)$", re.I | re.S)
_NUMBER = re.compile(r"\u2248?\s?[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def is_complaint(result: str) -> bool:
    """Return whether a result may tell of a failure, so that it is worth a second try.

    The wire has no mark for failures; a short text in the words of one may still be an answer.
    """
    is_short = len(result) <= _MAX_COMPLAINT
    return is_error(result) or (is_short and _COMPLAINT.search(result) is not None)


def is_error(result: str) -> bool:
    """Return whether a result surely tells of a failure."""
    value = _read(result)
    if isinstance(value, dict):
        return any(value.get(key) for key in _ERROR_KEYS)
    return _ERROR.match(result.strip()) is not None


def retell(made: Sequence[PastCall], sentences: Sequence[str]) -> str:
    """Read out the results of `made`.

    Args:
        made: calls that have results, in the order asked.
        sentences: for each, what the user said that led to it, or nothing.
    """
    told = [_tell(one, sentence) for one, sentence in zip(made, sentences, strict=True)]
    has_lines = any("\n" in one for one in told)
    return ("\n\n" if has_lines else " ").join(told)


def read_out(value: JsonValue, *, depth: int = 0) -> str:
    """Say a JSON value in plain words."""
    if depth > _MAX_DEPTH:
        return "(more)"
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case dict():
            return _read_out_object(value, depth)
        case list():
            said = [read_out(one, depth=depth + 1) for one in value]
            is_long = depth == 0 and (len(said) > 6 or any(len(one) > 40 for one in said))
            return (
                "\n".join(f"- {one}" for one in said) if is_long else ", ".join(said) or "nothing"
            )
        case _:
            return str(value)


def _read_out_object(value: Mapping[str, JsonValue], depth: int) -> str:
    if len(value) == 1:
        return read_out(next(iter(value.values())), depth=depth + 1)
    said = [
        f"{key.replace('_', ' ')} {read_out(one, depth=depth + 1)}" for key, one in value.items()
    ]
    return ", ".join(said) or "nothing"


def _tell(made: PastCall, sentence: str) -> str:
    result = (made.result or "").strip()
    if is_error(result):
        return f"The tool {made.name} could not do it: {_shorten(_error_text(result))}"
    if is_complaint(result):
        return _end(result)
    value = _read(result)
    said = _shorten(read_out(value)) if value is not None else _shorten(result)
    if not said:
        return f"The tool {made.name} ran and answered nothing."
    if "\n" in said:
        return f"{_name_call(made)}:\n{said}"
    restated = _restate(sentence.strip().rstrip("?.! "), said)
    if restated is None and _says_what_for(said, made):
        restated = _end(said)
    return restated or f"{_name_call(made)}: {_end(said)}"


def _says_what_for(said: str, made: PastCall) -> bool:
    """Return whether a result names all that its call was made for, so that it stands by itself."""
    values = [read_out(value) for value in made.arguments.values()]
    return bool(values) and len(said.split()) > 2 and all(value in said for value in values)


def _restate(sentence: str, said: str) -> str | None:
    """Turn a question into the beginning of its answer, where that is plain."""
    is_number = _NUMBER.fullmatch(said) is not None
    if found := _TIME.match(sentence):
        place = f" {found.group(1)}" if found.group(1) else ""
        return f"The time{place}: {_end(said)}"
    if found := _HOW_MANY.match(sentence):
        wanted, given = found.groups()
        if given.lower() in said.lower() or wanted.lower() in said.lower():
            return _end(said)
        return (
            f"{_start(given)} = {said} {wanted}." if is_number else f"{_start(given)}: {_end(said)}"
        )
    found = _IS.match(sentence)
    if found and len(said.split()) <= _MAX_JOINED_WORDS:
        topic = re.sub(r",\s*(?=(?:plus|minus|times)\b)", " ", found.group(1))
        joint = " = " if is_number else ": "
        return f"{_start(topic)}{joint}{_end(said)}"
    return None


def _name_call(made: PastCall) -> str:
    arguments = ", ".join(f"{key}={read_out(value)}" for key, value in made.arguments.items())
    return f"{made.name}({arguments})"


def _start(text: str) -> str:
    return text[:1].upper() + text[1:]


def _end(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _shorten(text: str) -> str:
    if len(text) <= _MAX_TEXT:
        return text
    return f"{text[:_MAX_TEXT]}\n(The sandbox leaves out {len(text) - _MAX_TEXT} characters.)"


def _error_text(result: str) -> str:
    value = _read(result)
    if isinstance(value, dict):
        inner = value.get("error") or value.get("message") or value
        return read_out(inner)
    return result


def _read(result: str) -> JsonValue:
    """Return a result's JSON value; None if it is not JSON (or is null)."""
    try:
        value: JsonValue = json.loads(result)
    except (ValueError, RecursionError):
        return None
    return value
