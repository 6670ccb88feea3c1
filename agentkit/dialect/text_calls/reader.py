"""Separate the text of an answer while it arrives: reasoning, answer text, calls.

In:  pieces of text, cut anywhere; the offered tools; how the model writes its reasoning.
Out: pieces that can be nothing else; at the end `Separation`.

A complete answer is one piece and the end, so what a stream holds back and what is recovered cannot
differ. Text is held back from the first opener of a call that is not quoted until the answer ends;
before it, only what may still become a marker is held. The cost is linear in the text.
"""

import re
from typing import Literal

from agentkit.chat import Repair
from agentkit.config.profile import ReasoningStyle
from agentkit.dialect.text_calls.channels import ChannelReader, may_begin_channels
from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.dialect.text_calls.markers import INCOMPLETE, Incomplete, Marker
from agentkit.dialect.text_calls.piece import Piece
from agentkit.dialect.text_calls.provenance import Provenance
from agentkit.dialect.text_calls.quotation import (
    DECORATION,
    MAX_DECORATION,
    Quotation,
    decoration_start,
)
from agentkit.dialect.text_calls.resolution import (
    Ending,
    Separation,
    channel_reading,
    resolve,
)
from agentkit.dialect.text_calls.table import (
    DROPPED,
    MARKERS,
    OPENERS,
    REASONING,
    REASONING_ENDS,
    RESULT_MARKERS,
)
from agentkit.dialect.text_calls.thought import Thought
from agentkit.dialect.text_calls.unimportant import dropped_marker, trim
from agentkit.dialect.text_calls.unmarked_calls import judge_start

MAX_START_CHARS = 400
"""How much of an answer is held while it may still become calls without an opener."""

MAX_THOUGHT_CHARS = 120
"""How much is held at the start of an answer whose model may begin with a thought: a short one is
recognised by its closing tag before anything was shown."""

_MAX_TAIL_CHARS = 2_000
_DECORATION = re.compile(rf"(?:[\s{DECORATION}]|~{{3,}}|(?<=```)[\w-]{{1,40}}[ \t]*\n)*")
_ACTIVE = re.compile(f"[{MARKERS.first_chars}{DECORATION}]")
_FENCE_WORD = re.compile(r"(?<=```|~~~)[\w-]{0,40}[ \t]*\Z")


class AnswerReader:
    """Reads the text of one answer.

    Args:
        tools: those on offer; without any, no call is looked for.
        provenance: what precedes the answer.
        reasoning: how the model writes its reasoning.
    """

    def __init__(
        self,
        tools: OfferedTools,
        provenance: Provenance,
        *,
        reasoning: ReasoningStyle = "tagged",
    ) -> None:
        self._tools = tools
        self._provenance = provenance
        self._style = reasoning
        self._mode: Literal["start", "text", "thought", "held", "channels"] = "start"
        self._buffer = ""
        self._space = ""  # white space before the answer text
        self._held: list[str] = []
        self._quotation = Quotation()
        self._shown: list[str] = []
        self._thought: Thought | None = None
        self._channels = ChannelReader(tools)
        self._may_end_reasoning = reasoning != "none"
        self._strips_start = False
        self._has_opener = False  # a quoted one, in the text that was emitted
        self._repairs: list[Repair] = []
        if reasoning == "prefilled":
            self._thought, self._mode = Thought.prefilled(), "thought"

    def feed(self, text: str) -> list[Piece]:
        """Take the next text and return the pieces that are decided."""
        if self._mode == "channels":
            return self._channels.feed(text)
        if self._mode == "held":
            self._held.append(text)
            return []
        if self._shown and self._mode == "text" and not self._buffer and not _ACTIVE.search(text):
            return [self._emitted(text)]  # nothing to wait for, as in most pieces of an answer
        self._buffer += text
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def close(self, *, is_cut: bool = False, has_calls: bool = False) -> Separation:
        """Return what the end of the answer decides; call it once.

        Args:
            is_cut: the token limit ended the answer.
            has_calls: it has native calls too.
        """
        if self._mode == "channels":
            return channel_reading(*self._channels.close(), self._provenance)
        if self._mode == "thought" and self._thought is not None:
            return self._close_thought(self._thought, is_cut=is_cut, has_calls=has_calls)
        if self._mode == "text":
            return self._close_text(is_cut=is_cut)
        held = "".join(self._held) if self._mode == "held" else self._space + self._buffer
        ending = Ending(
            tools=self._tools,
            provenance=self._provenance,
            is_cut=is_cut,
            has_calls=has_calls,
        )
        reading = resolve(
            held,
            ending,
            before="".join(self._shown),
            may_end_reasoning=self._may_end_reasoning,
        )
        return reading.after(
            repairs=self._repairs, strips_start=self._strips_start and not self._shown
        )

    def _step(self, pieces: list[Piece]) -> bool:
        """Decide what can be decided; return whether something may follow from it."""
        if self._mode == "start":
            return self._start(pieces)
        if self._mode == "thought" and self._thought is not None:
            return self._think(self._thought, pieces)
        if self._mode == "text":
            return self._read_text(pieces)
        return False

    # The start of the answer text

    def _start(self, pieces: list[Piece]) -> bool:
        """Decide what an answer begins with."""
        stripped = self._buffer.lstrip()
        self._space += self._buffer[: len(self._buffer) - len(stripped)]
        self._buffer = stripped
        if not stripped:
            return False
        in_channels = may_begin_channels(stripped)
        if in_channels:
            self._mode, self._buffer = "channels", ""
            pieces += self._channels.feed(stripped)
            return False
        found = MARKERS.match(stripped, 0, is_end=False)
        if in_channels is None or found is INCOMPLETE:
            return False
        if isinstance(found, Marker) and self._start_with(found):
            return True
        if self._mode == "held":
            return False
        return self._start_with_text(stripped)

    def _start_with(self, marker: Marker) -> bool:
        """Take a marker at the very start; return whether it was consumed."""
        if marker.name in REASONING:
            self._thought = Thought.opened(marker)
            self._mode = "thought"
        elif marker.name in DROPPED:
            self._repairs.append(dropped_marker(self._buffer[: marker.end]))
            if marker.name in REASONING_ENDS:
                self._may_end_reasoning = False
        elif marker.name in OPENERS.keys() | RESULT_MARKERS and self._tools.names:
            self._hold()
            return False
        else:
            return False
        self._space = ""
        self._strips_start = True
        self._buffer = self._buffer[marker.end :]
        return True

    def _start_with_text(self, text: str) -> bool:
        """Decide whether an answer that begins with no marker may consist of calls."""
        if self._tools.names:
            found = _DECORATION.match(text)
            end = found.end() if found is not None else 0
            is_undecided = end == len(text) or _FENCE_WORD.match(text, end)
            if end and is_undecided and len(text) <= MAX_START_CHARS:
                return False
            marker = MARKERS.match(text, end, is_end=False) if 0 < end < len(text) else None
            if isinstance(marker, Incomplete):
                return False
            if marker is not None and marker.name in OPENERS:
                return self._hold()
            verdict = judge_start(text, self._tools)
            if verdict == "wait" and len(text) <= MAX_START_CHARS:
                return False
            if verdict != "text":
                return self._hold()
        if not self._strips_start:
            self._buffer = self._space + self._buffer
        self._space = ""
        self._mode = "text"
        return True

    # Reasoning

    def _think(self, thought: Thought, pieces: list[Piece]) -> bool:
        """Read on in a thought; return whether it ended."""
        self._buffer = thought.feed(self._buffer, pieces)
        if not thought.is_closed:
            return False
        self._thought = None
        if thought.is_inside:
            self._mode = "text"
        else:
            self._begin_after_reasoning()
        return True

    def _begin_after_reasoning(self) -> None:
        """Begin the answer text after a thought."""
        self._mode = "start"
        self._space = ""
        self._strips_start, self._may_end_reasoning = True, False
        self._quotation = Quotation()
        self._shown.clear()

    def _close_thought(self, thought: Thought, *, is_cut: bool, has_calls: bool) -> Separation:
        """Decide what a thought is that the answer ends in."""
        pieces, rest, is_answer = thought.close(self._buffer, is_cut=is_cut)
        if is_answer:
            # The model did not think, or its server removed the thought.
            reader = AnswerReader(self._tools, self._provenance, reasoning="tagged")
            more = reader.feed(rest)
            reading = reader.close(is_cut=is_cut, has_calls=has_calls)
            return reading.after(pieces=[*pieces, *more], repairs=self._repairs)
        if rest:
            pieces.append(self._emitted(rest))
        return Separation(pieces=tuple(pieces), repairs=tuple(self._repairs))

    # Answer text

    def _read_text(self, pieces: list[Piece]) -> bool:
        """Emit text up to where a marker is or may be; return whether to go on."""
        found = MARKERS.search(self._buffer, is_end=False)
        if isinstance(found, Marker):
            return self._marker(found, pieces)
        end = len(self._buffer) if found is None else found
        if not self._may_be_thought():
            self._emit(self._before_decoration(end), pieces)
        return False

    def _marker(self, marker: Marker, pieces: list[Piece]) -> bool:
        """Take a marker inside the text; return whether to go on."""
        is_opener = marker.name in OPENERS and bool(self._tools.names)
        self._has_opener = self._has_opener or marker.name in OPENERS
        if (is_opener or marker.name in REASONING) and not self._is_quoted(marker.start):
            return self._open_in_text(marker, pieces, is_call=is_opener)
        if marker.name in RESULT_MARKERS and self._tools.names:
            if self._quotation_at(marker.start).is_line_start:
                self._emit(marker.start, pieces)
                return self._hold()
        elif marker.name in REASONING_ENDS and self._may_end_reasoning:
            is_end = self._ends_reasoning(marker)
            if is_end is None:
                return False
            if is_end:
                return self._reclassify(marker, pieces)
        if marker.name in DROPPED:
            return self._unimportant(marker, pieces)
        return self._emit(marker.end, pieces)

    def _open_in_text(self, marker: Marker, pieces: list[Piece], *, is_call: bool) -> bool:
        """Take the opener of a call, or of a thought; return whether to go on."""
        if is_call:
            self._emit(self._before_decoration(marker.start), pieces)
            return self._hold()
        self._emit(marker.start, pieces)
        size = marker.end - marker.start
        self._thought = Thought.inside(marker, self._buffer[:size])
        self._buffer = self._buffer[size:]
        self._mode = "thought"
        return True

    def _unimportant(self, marker: Marker, pieces: list[Piece]) -> bool:
        """Take a marker that counts only inside a sentence; return whether to go on."""
        following, end = self._following(marker)
        if following == "opener":
            self._emit(marker.start, pieces)
            return self._hold()
        if following == "text":
            return self._emit(end, pieces)
        if not self._may_be_thought():
            self._emit(self._before_decoration(marker.start), pieces)
        return False

    def _ends_reasoning(self, marker: Marker) -> bool | None:
        """Return whether a closing tag without an opening one ends a thought; None if undecided."""
        if self._is_quoted(marker.start):
            return False
        before = self._buffer[: marker.start][-1:] or "".join(self._shown[-1:])[-1:]
        if before not in (" ", "\t"):
            return True
        following = self._buffer[marker.end : marker.end + 1]
        return None if not following else following not in " \t"  # else inside a sentence

    def _reclassify(self, marker: Marker, pieces: list[Piece]) -> bool:
        """Turn all text so far into reasoning."""
        shown, rest = "".join(self._shown), self._buffer[: marker.start]
        if shown:
            pieces.append(Piece("was_reasoning", shown))
        if rest.strip():
            pieces.append(Piece("reasoning", rest))
        self._buffer = self._buffer[marker.end :]
        self._begin_after_reasoning()
        return True

    def _following(self, marker: Marker) -> tuple[Literal["end", "opener", "text"], int]:
        """Return what follows an unimportant marker and others like it, and where."""
        at = end = marker.end
        while end - marker.start <= _MAX_TAIL_CHARS:
            while at < len(self._buffer) and self._buffer[at].isspace():
                at += 1
            following = MARKERS.match(self._buffer, at, is_end=False)
            if at == len(self._buffer) or isinstance(following, Incomplete):
                return "end", at
            if following is None or following.name not in DROPPED:
                is_opener = following is not None and following.name in OPENERS
                is_call = is_opener and bool(self._tools.names)
                if is_call and not self._is_quoted(marker.start):
                    return "opener", at
                return "text", end
            at = end = following.end
        return "text", end

    def _may_be_thought(self) -> bool:
        """Return whether the text so far may be a short thought that the prompt opened."""
        if self._style != "unknown" or self._shown or not self._may_end_reasoning:
            return False
        if len(self._buffer) > MAX_THOUGHT_CHARS:
            return False
        _, newline, rest = self._buffer.strip(" ").partition("\n")
        rest = rest.lstrip()
        return not newline or not rest or MARKERS.match(rest, 0, is_end=False) is INCOMPLETE

    def _is_quoted(self, end: int) -> bool:
        """Return whether the position `end` of the buffer is in a quotation."""
        return self._quotation_at(end).is_open

    def _quotation_at(self, end: int) -> Quotation:
        quotation = self._quotation.copy()
        quotation.feed(self._buffer[:end])
        return quotation

    def _before_decoration(self, end: int) -> int:
        """Return where before `end` the Markdown decoration begins; `end` if there is none."""
        window = self._buffer[max(0, end - MAX_DECORATION) : end]
        is_cut = len(window) < end
        is_attached = is_cut or bool(self._shown and not self._shown[-1][-1].isspace())
        return end - len(window) + decoration_start(window, is_attached=is_attached)

    def _emit(self, end: int, pieces: list[Piece]) -> bool:
        """Emit the buffer up to `end`; return that there may be more to decide."""
        if end > 0:
            pieces.append(self._emitted(self._buffer[:end]))
            self._buffer = self._buffer[end:]
        return True

    def _emitted(self, text: str) -> Piece:
        """Return a piece of answer text, and note it."""
        self._shown.append(text)
        self._quotation.feed(text)
        return Piece("text", text)

    def _hold(self) -> Literal[False]:
        """Hold everything from here to the end of the answer."""
        self._held.append(self._buffer)
        self._buffer = ""
        self._mode = "held"
        return False

    def _close_text(self, *, is_cut: bool) -> Separation:
        """Return the rest of the answer text."""
        if not self._buffer:
            return Separation(repairs=tuple(self._repairs))
        found = MARKERS.search(self._buffer, is_end=False)
        is_in_marker = isinstance(found, int) and len(self._buffer) - found > 2
        text, repairs = trim(self._buffer, has_opener=self._has_opener)
        return Separation(
            pieces=(self._emitted(text),) if text else (),
            repairs=(*self._repairs, *repairs),
            is_cut=is_cut and is_in_marker and bool(self._tools.names),
        )
