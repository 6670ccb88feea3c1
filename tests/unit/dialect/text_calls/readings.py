"""Read answers for the tests of text calls.

In:  the text of an answer.
Out: what it is read as, at once or in pieces.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agentkit.config.profile import ReasoningStyle
from agentkit.dialect.argument_repair import repair_arguments
from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.dialect.text_calls.provenance import Provenance
from agentkit.dialect.text_calls.reader import AnswerReader
from agentkit.dialect.tool_call_assembler import CallDraft
from agentkit.history import History
from agentkit.json_schema import JsonObject, JsonSchema

CITY: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
ANYTHING: JsonObject = {"type": "object"}
SCHEMAS: Mapping[str, JsonObject] = {
    "get_weather": CITY,
    "get_current_weather": CITY,
    "add": ANYTHING,
    "fs.read": ANYTHING,
    "now": ANYTHING,
}
CHECKS = {name: JsonSchema(schema) for name, schema in SCHEMAS.items()}
EMPTY = History()


def _fits(name: str, arguments: str) -> bool:
    check = CHECKS[name]
    repaired = repair_arguments(
        arguments, schema=SCHEMAS[name], is_valid=lambda value: not check.violations(value, limit=1)
    )
    return repaired is not None


TOOLS = OfferedTools(names=frozenset(SCHEMAS), schemas=SCHEMAS, fits=_fits)
NO_TOOLS = OfferedTools(names=frozenset(), schemas={}, fits=_fits)


@dataclass(kw_only=True)
class Answer:
    """What an answer was read as.

    Attributes:
        text: the answer text.
        reasoning: all thoughts.
        shown: the text that was emitted before the end, and not reclassified.
        calls: those that may run.
        rejected: those that must not.
        dropped: the kinds of what was dropped.
    """

    text: str = ""
    reasoning: str = ""
    shown: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    drafts: tuple[CallDraft, ...] = ()
    dropped: list[str] = field(default_factory=list)
    is_cut: bool = False
    is_malformed: bool = False
    is_invented_result: bool = False


def read(
    text: str,
    *,
    size: int | None = None,
    sizes: Sequence[int] = (),
    tools: OfferedTools = TOOLS,
    history: History = EMPTY,
    reasoning: ReasoningStyle = "tagged",
    is_cut: bool = False,
    has_calls: bool = False,
) -> Answer:
    """Read an answer at once, in pieces of one `size`, or of several sizes in turn."""
    reader = AnswerReader(tools, Provenance(history), reasoning=reasoning)
    answer = Answer()
    for part in _parts(text, size=size, sizes=sizes):
        _add(answer, reader.feed(part))
        answer.shown = answer.text
    reading = reader.close(is_cut=is_cut, has_calls=has_calls)
    _add(answer, reading.pieces)
    for call in reading.calls:
        found = (call.name, call.arguments)
        (answer.calls if call.rejection is None else answer.rejected).append(found)
    if reading.calls:
        answer.text = answer.text.rstrip()
    answer.drafts = reading.calls
    answer.dropped = [one.kind for one in reading.repairs]
    answer.is_cut, answer.is_malformed = reading.is_cut, reading.is_malformed
    answer.is_invented_result = reading.is_invented_result
    return answer


def _parts(text: str, *, size: int | None, sizes: Sequence[int]) -> list[str]:
    if not sizes:
        step = size or max(len(text), 1)
        return [text[at : at + step] for at in range(0, len(text), step)]
    parts, at = [], 0
    for step in sizes:
        parts.append(text[at : at + step])
        at += step
    return [*parts, text[at:]]


def _add(answer: Answer, pieces: Sequence[tuple[str, str]]) -> None:
    for kind, text in pieces:
        if kind == "text":
            answer.text += text
        elif kind == "was_answer":
            assert answer.reasoning == text
            answer.reasoning = ""
        else:
            if kind == "was_reasoning":
                assert answer.text == text
                answer.text = answer.shown = ""
            answer.reasoning += text


def loaded(calls: Sequence[tuple[str, str]]) -> list[tuple[str, object]]:
    """Return calls with their arguments as values."""
    return [(name, json.loads(arguments)) for name, arguments in calls]
