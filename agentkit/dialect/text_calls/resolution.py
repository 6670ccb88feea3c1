"""Decide what the held text of an answer is, once the answer is complete.

In:  the text from the first opener on, the conversation, whether the answer was cut.
Out: `Separation`: text, reasoning, calls, and what was dropped.

What was read is not recovered: a call that occurs in a tool result or a user message is quoted.
"""

from collections.abc import Sequence
from dataclasses import replace

from agentkit.chat import Repair
from agentkit.dialect.text_calls.channels import ChannelCall
from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.dialect.text_calls.layout import MAX_ATTEMPTS, Layout, read_layout
from agentkit.dialect.text_calls.markers import Marker
from agentkit.dialect.text_calls.piece import Piece
from agentkit.dialect.text_calls.positions import Decision, decide
from agentkit.dialect.text_calls.provenance import Provenance
from agentkit.dialect.text_calls.quotation import Quotation
from agentkit.dialect.text_calls.rows import Group, Row, moved
from agentkit.dialect.text_calls.table import MARKERS, RESULT_MARKERS
from agentkit.dialect.text_calls.unimportant import is_blank, may_end_in_call, trim
from agentkit.dialect.text_calls.unmarked_calls import judge_start, read_unmarked_calls
from agentkit.dialect.tool_call_assembler import CallDraft, short
from agentkit.value import dataclass, record

UNCLEAR = "it is not certain that it was meant"
UNCLEAR_CALL = (
    f"The call of {{name!r}} was not run: it is inside other text, so {UNCLEAR}. To make it, call "
    "the tool again and write nothing else. If it is only an example, put it in a code fence."
)
CUT_CALL = (
    "The call of {name!r} was not run: the answer reached its token limit before the call was "
    "complete. Call again, with less text."
)


@record
class Separation:
    """What the end of an answer decides.

    Attributes:
        pieces: the rest of the text and of the reasoning.
        calls: those found in the text; the ones with a `rejection` must not run.
        repairs: what was dropped.
        is_cut: the token limit ended the answer inside a call.
        is_malformed: the answer is a call that cannot be read.
        is_invented_result: the answer holds a tool result, which only agentkit writes.
    """

    pieces: tuple[Piece, ...] = ()
    calls: tuple[CallDraft, ...] = ()
    repairs: tuple[Repair, ...] = ()
    is_cut: bool = False
    is_malformed: bool = False
    is_invented_result: bool = False

    def after(
        self,
        *,
        pieces: Sequence[Piece] = (),
        repairs: Sequence[Repair] = (),
        strips_start: bool = False,
    ) -> "Separation":
        """Return the reading with what was decided before it."""
        own = list(self.pieces)
        if strips_start and own and own[0].kind == "text":
            own[0] = own[0]._replace(text=own[0].text.lstrip())
        return replace(
            self,
            pieces=tuple(piece for piece in (*pieces, *own) if piece.text),
            repairs=(*repairs, *self.repairs),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an answer ends, and what surrounds its text.

    Attributes:
        tools: those on offer.
        provenance: what precedes the answer.
        is_cut: the token limit ended the answer.
        has_calls: the answer has native calls too.
    """

    tools: OfferedTools
    provenance: Provenance
    is_cut: bool = False
    has_calls: bool = False


def resolve(held: str, ending: Ending, *, before: str, may_end_reasoning: bool) -> Separation:
    """Return what `held` is, which follows the text `before`.

    Args:
        held: the rest of the answer.
        ending: how the answer ends.
        before: the answer text that was emitted.
        may_end_reasoning: a closing tag of reasoning may still make all before it a thought.
    """
    layout = read_layout(before + held, ending.tools, may_end_reasoning=may_end_reasoning)
    thoughts = layout.reasoning
    pieces: list[Piece] = []
    if layout.ends_reasoning:
        if before:
            pieces.append(Piece("was_reasoning", before))
        thoughts = [thoughts[0][len(before) :], *thoughts[1:]]
        before = ""
    pieces += [Piece("reasoning", text.strip()) for text in thoughts]
    if _holds_result(layout.texts[0], ending):
        return Separation(pieces=tuple(pieces), is_invented_result=True)
    only_text = "" if before.strip() or layout.rows else layout.texts[0].strip()
    calls = read_unmarked_calls(only_text, ending.tools) if only_text and not ending.is_cut else []
    if calls:
        row = Row(groups=(Group(calls=tuple(calls), source=only_text),), source=only_text)
        layout = Layout(texts=["", ""], rows=[row])
    is_held = bool(only_text) and judge_start(only_text, ending.tools) != "text"
    decision = _with_memory(decide(layout), ending)
    match decision.kind:
        case "text":
            read = _text_reading(decision, layout, ending, before=before, is_held=is_held)
        case "calls":
            read = _calls_reading(decision, layout, ending, before=before)
        case "unclear":
            read = _unclear_reading(decision, layout, before=before)
        case "malformed":
            read = _malformed_reading(layout, ending, before=before)
    return read.after(pieces=pieces, strips_start=bool(pieces) and not before)


def _holds_result(text: str, ending: Ending) -> bool:
    """Return whether a tool result begins a line before the first call, and is not a quotation.

    A small model that sees its tools in the prompt continues the conversation by itself. What it
    answers then rests on a result that no tool returned. A line that was read is a quotation.
    """
    quotation, at, read = Quotation(), 0, 0
    marker = MARKERS.search(text) if ending.tools.names else None
    while isinstance(marker, Marker) and read < MAX_ATTEMPTS:
        if marker.name in RESULT_MARKERS:
            quotation.feed(text[at : marker.start])
            at = marker.start
            if quotation.is_line_start:
                line = text[at:].partition("\n")[0]
                if not ending.provenance.has_read(line):
                    return True
                read += 1
        marker = MARKERS.search(text, marker.end)
    return False


def _with_memory(decision: Decision, ending: Ending) -> Decision:
    """Return a decision that respects what the conversation holds."""
    groups = [group for row in decision.rows for group in row.groups]
    read = [_was_read(group, ending.provenance) for group in groups]
    if groups and all(read):
        return replace(decision, kind="text")
    kind = decision.kind
    if (kind == "calls" and any(read)) or (kind == "text" and ending.has_calls and groups):
        kind = "unclear"
    if kind == "unclear" and ending.provenance.was_asked_again(UNCLEAR):
        kind = "text"
    return replace(decision, kind=kind)


def _was_read(group: Group, provenance: Provenance) -> bool:
    """Return whether a group repeats what others wrote, and is no call the model made before."""
    made = all(provenance.has_made(call.name, call.arguments) for call in group.calls)
    return not made and provenance.has_read(group.source)


def _text_reading(
    decision: Decision, layout: Layout, ending: Ending, *, before: str, is_held: bool
) -> Separation:
    """Return the reading of an answer that is text."""
    parts = [layout.texts[0]]
    for row, text in zip(layout.rows, layout.texts[1:], strict=True):
        parts += [row.lead, row.source, row.dropped, text]
    joined = "".join(parts)[len(before) :]
    if decision.rows:
        return Separation(pieces=(Piece("text", joined),))
    is_start = not before.strip()
    text, repairs = trim(joined, is_start=is_start, with_openers=True)
    is_in_call = ending.is_cut and (
        may_end_in_call(joined, is_start=is_start) or (is_start and is_held)
    )
    return Separation(pieces=(Piece("text", text),), repairs=repairs, is_cut=is_in_call)


def _calls_reading(
    decision: Decision, layout: Layout, ending: Ending, *, before: str
) -> Separation:
    """Return the reading of calls that count."""
    dropped = short(decision.dropped.strip())
    first = layout.texts[0]
    rest = first[len(before) :]
    text, repairs = ("", ()) if is_blank(first, is_start=True) else trim(rest.rstrip())
    if dropped:
        repairs = (*repairs, Repair(kind="dropped_text", before=dropped, after=""))
    calls: list[CallDraft] = []
    groups = [group for row in decision.rows for group in row.groups]
    for group in groups:
        # If the limit ended the answer, only calls with their closing mark are certain.
        rejection = CUT_CALL if ending.is_cut and not group.is_closed else None
        calls += [_rejected(moved(call, group.source), rejection) for call in group.calls]
    return Separation(
        pieces=(Piece("text", text),),
        calls=tuple(calls),
        repairs=repairs,
        is_cut=ending.is_cut and not groups[-1].is_closed,
    )


def _unclear_reading(decision: Decision, layout: Layout, *, before: str) -> Separation:
    """Return the reading of calls that the model should make again."""
    space = " " if before and not before[-1].isspace() else ""
    texts = (layout.texts[0][len(before) :], *layout.texts[1:])
    text = "\n\n".join(filter(None, (text.strip() for text in texts)))
    calls = [
        _rejected(moved(call, group.source), UNCLEAR_CALL)
        for row in decision.rows
        for group in row.groups
        for call in group.calls
    ]
    return Separation(pieces=(Piece("text", space + text if text else ""),), calls=tuple(calls))


def _malformed_reading(layout: Layout, ending: Ending, *, before: str) -> Separation:
    """Return the reading of an answer that is a call and cannot be read."""
    text = layout.texts[0][len(before) :].rstrip()
    pieces = (Piece("text", text),)
    return Separation(pieces=pieces, is_cut=ending.is_cut, is_malformed=not ending.is_cut)


def _rejected(call: CallDraft, rejection: str | None) -> CallDraft:
    """Return a call that must not run, unless it is already one."""
    if call.rejection is not None or rejection is None:
        return call
    return replace(call, rejection=rejection.format(name=call.name))


def channel_reading(
    pieces: Sequence[Piece], found: Sequence[ChannelCall], provenance: Provenance
) -> Separation:
    """Return the reading of an answer in messages on channels."""
    calls = tuple(moved(call, source) for call, source in found)
    groups = [Group(calls=(call,), source=source) for call, source in found]
    read = [_was_read(group, provenance) for group in groups]
    if read and all(read):
        return Separation(pieces=(*pieces, *(Piece("text", group.source) for group in groups)))
    if any(read):
        calls = tuple(_rejected(call, UNCLEAR_CALL) for call in calls)
    is_cut = any(one.call.rejection is not None for one in found)
    return Separation(pieces=tuple(pieces), calls=calls, is_cut=is_cut)
