"""Decide by plain rules what to answer. This is not a language model, and its answers say so.

In:  a `PlanRequest`.
Out: a `PlannedAnswer`: calls, or text.

There is one rule: a tool is called only if every word and number of the question is accounted for;
otherwise the answer says which words were not understood. A call that is required is an exception.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from agentkit.sandbox.planner.known_questions import read_known
from agentkit.sandbox.planner.plan_request import CallRecord, PlannedAnswer, PlanRequest
from agentkit.sandbox.planner.question_tokens import QuestionToken, tokenize
from agentkit.sandbox.planner.tool_knowledge import IntendedCall, KnownTool, know
from agentkit.sandbox.planner.tool_reading import ToolReading

Tools: TypeAlias = tuple[KnownTool, ...]

_MAX_CHARACTERS, _MAX_JOINTS, _MAX_TEXT, _MAX_WORDS = 2_000, 8, 4_000, 12
_ERROR = re.compile(
    r"\W*(?:tool )?(?:error|failed|invalid|cannot|could not|[A-Z]\w*Error)\b|.{0,500}\b(?:cannot be"
    r"|not found|was not run|there is no|did you mean|does not exist|is not an?|is not known"
    r"|has no result|is outside the|exists already)\b",
    re.IGNORECASE,
)
"""The words of an error: the OpenAI format has no field that marks one."""

_NO_MODEL = "This is agentkit's sandbox, not a language model."
_SKIPPED = re.compile(
    r"(?:(?:hi|hello|hey|thanks|thank you|help(?: me)?|what can you do|who are you)\b[ ,]*)+"
    r"|use the tools?(?: for both at once)?",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^(?:(?:please|hi|hello|hey|ok|so|and|also|then|now|can you|could you|tell me)[ ,]+)*"
    r"|(?:,? (?:please|thanks|thank you))*$",
    re.IGNORECASE,
)
_BETTER = re.compile(r"(?:did you mean|close are|use one of):? ['\"]?([\w/+ -]*\w)", re.IGNORECASE)
_EXAMPLES = (
    "What is 15% of 80?", "What is 5 ft 10 in in metres?", "What time is it in Tokyo?",
    "How many days until Christmas?", "Which files are there?",
)  # fmt: skip


def plan(request: PlanRequest) -> PlannedAnswer:
    """Return the calls that are due, or else what the calls so far have shown."""
    tools, choice = tuple(map(know, request.tools)), request.choice
    allowed = [one for one in tools if choice.mode != "none" and choice.name in {None, one.name}]
    intended, reason = understand(request.question, tools, today=request.today)
    followed = [_follow(request, one) for one in intended if one.tool in allowed]
    due = [call for call, made in followed if made is None]
    due = [call for place, call in enumerate(due) if call not in due[:place]]
    if choice.is_forced and not due:
        due = [*_force(request, allowed)][:1]
    if due:
        return PlannedAnswer(calls=tuple(due if request.parallel else due[:1]))
    if not allowed:
        reason = f"No tool {'may be called' if tools else 'is on offer'}, so it has no answer."
    return PlannedAnswer(text=_conclude(request, intended) or _explain(request, allowed, reason))


@lru_cache(maxsize=256)  # the same question comes again with every result
def understand(question: str, tools: Tools, *, today: date) -> tuple[list[IntendedCall], str]:
    """Return the calls that answer a question; if any part is not understood, only the reason."""
    if len(question) > _MAX_CHARACTERS or not tools:
        return [], f"It does not read a question of more than {_MAX_CHARACTERS:,} characters."
    calls: list[IntendedCall] = []
    reader = _Reader(question, tools, today)
    tokens = tokenize(question, today=today)
    ends = [place for place, one in enumerate(tokens) if one.word in (".", "?", "!", ";")]
    for start, end in zip([-1, *ends], [*ends, len(tokens)], strict=True):
        sentence = tokens[start + 1 : end]
        if sentence and not _SKIPPED.fullmatch(question, sentence[0].start, sentence[-1].end):
            found = reader.read(sentence)
            if not found:
                return [], reader.explain(sentence)
            calls += found
    return calls, ""


class _Reader(NamedTuple):
    """Reads the sentences of one question."""

    text: str
    tools: Tools
    today: date

    def read(self, tokens: Sequence[QuestionToken]) -> list[IntendedCall]:
        """Read what is asked, joined by "and" or not; nothing unless all of it is understood."""
        calls = self._read_one(tokens) if tokens else []
        joints = [place for place, token in enumerate(tokens) if token.word in ("and", ",")]
        for place in joints[:_MAX_JOINTS] if not calls else ():
            first = self._read_one(tokens[:place]) if place else []
            if first and (others := self.read(tokens[place + 1 :])):
                return [*first, *others]
        return calls

    def _read_one(self, tokens: Sequence[QuestionToken]) -> list[IntendedCall]:
        """Read one question by the patterns, else for the tool whose name fits best."""
        plain = _POLITE.sub("", self.text[tokens[0].start : tokens[-1].end])
        for tool in self.tools:
            if calls := read_known(plain, tool, today=self.today):
                return calls
        readings = [ToolReading(self.text, tokens, tool) for tool in self.tools]
        fitting = [one for one in readings if one.calls]
        return max(fitting, key=lambda one: one.matched).calls if fitting else []

    def explain(self, tokens: Sequence[QuestionToken]) -> str:
        """Return which words the best fitting tool has no place for, or what it needs."""
        readings = [ToolReading(self.text, tokens, tool) for tool in self.tools]
        best = min(readings, key=lambda one: (not one.matched, len(one.unknown)))
        if best.matched and best.missing and not best.unknown:
            missing = ", ".join(f"`{one.name}`" for one in best.missing)
            return f"The question does not give what the tool {best.tool.name} requires: {missing}."
        words = [self.text[one.start : one.end] for one in best.unknown or tokens]
        listed = ", ".join(map(repr, [*dict.fromkeys(words)][:_MAX_WORDS]))
        return f"It answers only if it understands every word. It does not understand: {listed}."


def _follow(request: PlanRequest, one: IntendedCall) -> tuple[CallRecord, CallRecord | None]:
    """Return the call that is meant, with the value that its error offers, and its record."""
    call = CallRecord(name=one.tool.name, arguments=one.arguments)
    result = (_find(request, call) or call).result or ""
    offer = _BETTER.search(result) if _ERROR.match(result) else None
    for name, value in one.arguments.items() if offer else ():
        better = {**one.arguments, name: offer[1] if offer else value}
        likeness = SequenceMatcher(None, str(value), str(better[name]).rpartition("/")[2]).ratio()
        if str(value) in result and likeness > 0.7 and one.tool.accepts(better):
            call = CallRecord(name=one.tool.name, arguments=better)
    return call, _find(request, call)


def _find(request: PlanRequest, call: CallRecord) -> CallRecord | None:
    asked = (call.name, call.arguments)
    return next((one for one in request.made if (one.name, one.arguments) == asked), None)


def _force(request: PlanRequest, tools: Sequence[KnownTool]) -> Iterator[CallRecord]:
    """Yield calls because one is required: the last one again, else with the question as text."""
    for last in request.made[-1:]:
        yield CallRecord(name=last.name, arguments=last.arguments)
    tokens = tokenize(request.question, today=request.today)
    readings = (ToolReading(request.question, tokens, tool) for tool in tools if tokens)
    for one in sorted(readings, key=lambda one: -one.matched):
        texts = {p.name: request.question for p in one.missing if p.type == "string"}
        arguments = {**one.values, **texts}
        if one.tool.accepts(arguments):
            yield CallRecord(name=one.tool.name, arguments=arguments)


def _conclude(request: PlanRequest, intended: Sequence[IntendedCall]) -> str:
    """Return the results as sentences."""
    parts: list[str] = []
    for one in intended:
        sentence, (call, made) = one.sentence, _follow(request, one)
        for name, value in one.arguments.items():
            sentence = sentence.replace(str(value), str(call.arguments[name]))
        parts += _state(made, sentence, is_named=one.is_named)
    for made in request.made if not intended else ():
        parts += _state(made, "", is_named=True)
    return ("\n\n" if "\n" in "".join(parts) else " ").join(dict.fromkeys(parts))


def _state(made: CallRecord | None, sentence: str, *, is_named: bool) -> list[str]:
    """Return a result as a sentence, in a list; nothing if there is no result."""
    if made is None or made.result is None:
        return []
    text = _read_out(made.result.strip())[:_MAX_TEXT]
    is_short = "\n" not in text and 0 < len(text.split()) <= _MAX_WORDS
    named = [str(value).lower() in text.lower() for value in made.arguments.values()]
    is_complete, is_file = is_named and all(named or [False]), sentence.endswith("\n{}")
    # A file may hold the words of an error; an error about it names it.
    if _ERROR.match(made.result) and (any(named or [True]) or not is_file):
        text = f"The tool {made.name} reports an error: {text}"
    elif is_file:
        text = sentence.replace("{}", text)
    elif sentence and is_short and not is_complete:
        # Converters repeat the question: "26.2 miles = 42.16 kilometres".
        short = re.sub(r"^.*?(?:= *|(\u2248) *)", lambda sign: "about " * bool(sign[1]), text)
        text = sentence[0].upper() + sentence[1:].replace("{}", short).removesuffix(".")
    elif not (is_short and is_complete):
        text = f"The tool {made.name} answers: {text or 'nothing'}"
    return [text if text.endswith((".", "!", "?")) or "\n" in text else f"{text}."]


def _read_out(text: str) -> str:
    """Return the fields of a JSON object as a list; other text as it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    fields = value.items() if isinstance(value, dict) else ()
    return ", ".join(f"{name.replace('_', ' ')} {one}" for name, one in fields) or text


def _explain(request: PlanRequest, tools: Sequence[KnownTool], reason: str) -> str:
    """Return why nothing was called, and questions that would be understood."""
    listed = "".join(f"\n- {one}" for one in find_examples(tuple(tools), today=request.today))
    advice = f"These questions work:{listed}" if listed else "For one, choose a real provider."
    return " ".join(filter(None, (_NO_MODEL, reason, advice)))


@lru_cache(maxsize=64)
def find_examples(tools: Tools, *, today: date) -> tuple[str, ...]:
    """Return up to three questions that these tools answer; each was read by the rules."""
    found: dict[str, str] = {}
    named = [_name(tool, word) for word in ("sample", "test", "demo") for tool in tools]
    for one in [*_EXAMPLES, *named]:
        calls, _ = understand(one, tools, today=today)
        if calls and len(found) < 3:
            found.setdefault(calls[0].tool.name if len(tools) > 2 else one, one)
    return tuple(found.values())


def _name(tool: KnownTool, word: str) -> str:
    """Return a question that names a tool and its required arguments."""
    samples = {"number": len(word), "integer": len(word), "date": "2026-12-24", "time": "9:30"}
    given = []
    for one in tool.parameters:
        value = samples.get(one.kind) or samples.get(one.type) or repr((*one.choices, word)[0])
        given += [f"{' '.join(one.words)} {value}"] if one.is_required else []
    named = " ".join(re.findall(r"[^\W_]+", tool.name)).capitalize()
    return f"{named} with {' and '.join(given)}." if given else f"{named}."
