"""A decided piece of an answer's text.

In:  a kind and text.
Out: `Piece`.
"""

from typing import Literal, NamedTuple, TypeAlias

PieceKind: TypeAlias = Literal["text", "reasoning", "was_reasoning", "was_answer"]
"""`was_reasoning`: the answer text emitted so far, repeated here, turned out to be reasoning.
`was_answer`: the reasoning emitted so far, repeated here, turned out to be the answer."""


class Piece(NamedTuple):
    """A piece of answer text or reasoning."""

    kind: PieceKind
    text: str
