"""Read the text of an answer while it arrives: text, reasoning, and the calls in it.

In:  text deltas, and the request they answer.
Out: pieces; at the end what is decided then, as `Separation`.
"""

from collections.abc import Mapping

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.config.profile import ReasoningStyle
from agentkit.dialect.argument_repair import repair_arguments
from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.dialect.text_calls.piece import Piece
from agentkit.dialect.text_calls.provenance import Provenance
from agentkit.dialect.text_calls.reader import AnswerReader
from agentkit.dialect.text_calls.resolution import Separation
from agentkit.json_schema import JsonSchema, JsonSchemaError
from agentkit.model.incoming_text import IncomingText


class AnswerText:
    """The text of one answer.

    Args:
        request: the request that is answered.
        tools: those on offer.
        reasoning: how the model writes reasoning into its text.
    """

    def __init__(
        self, request: ModelRequest, tools: OfferedTools, *, reasoning: ReasoningStyle
    ) -> None:
        self._reader = AnswerReader(tools, Provenance(request.history), reasoning=reasoning)
        self._incoming = IncomingText()

    @property
    def has_snapshots(self) -> bool:
        """Return whether deltas repeated the text before them."""
        return self._incoming.has_snapshots

    def feed(self, delta: str) -> list[Piece]:
        """Take the text of the next delta and return the pieces that are decided."""
        text = self._incoming.feed(delta)
        return self._reader.feed(text) if text else []

    def close(self, *, is_cut: bool, has_calls: bool) -> Separation:
        """Return what the end of the answer decides; call it once.

        Args:
            is_cut: the token limit ended the answer.
            has_calls: it has native calls too.
        """
        rest = self._incoming.close()
        pieces = self._reader.feed(rest) if rest else []
        reading = self._reader.close(is_cut=is_cut, has_calls=has_calls)
        return reading.after(pieces=pieces) if pieces else reading


def offered_tools(request: ModelRequest, tool_names: Mapping[str, str]) -> OfferedTools:
    """Return the tools of a request under their wire names and their own."""
    specs = {tool.name: tool for tool in request.tools}
    specs |= {wire: specs[own] for wire, own in tool_names.items() if own in specs}
    return OfferedTools(
        names=frozenset(specs),
        schemas={name: spec.input_schema for name, spec in specs.items()},
        fits=lambda name, arguments: _fits(specs[name], arguments),
    )


def _fits(tool: ToolSpec, arguments: str) -> bool:
    """Return whether a tool accepts such arguments, repaired if that is allowed."""
    try:
        schema = JsonSchema(tool.input_schema)
    except JsonSchemaError:
        return False
    repaired = repair_arguments(
        arguments,
        schema=tool.input_schema,
        is_valid=lambda value: not schema.violations(value, limit=1),
    )
    # A model that repeats the definition of a tool calls nothing.
    return repaired is not None and repaired.value != tool.input_schema
