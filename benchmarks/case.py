"""The cases to measure: each describes one kind of run.

In:  nothing.
Out: `Case`, with the address, the tools and their descriptions for every loop.

Nothing of agentkit is loaded here: other frameworks are measured with it, in environments of
their own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date

from anyio import sleep
from pydantic import BaseModel

from benchmarks.stub_server import ANSWER, streamed_words

PROMPT = "What is 20 EUR in USD at 1.08?"
LONG = "word " * 400

Run = Callable[[], Awaitable[object]]
Tools = Mapping[str, Callable[..., object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of run.

    Attributes:
        calls: tool calls before the answer, one a turn.
        tools: how many tools are offered.
        is_long: results are 2 KB of text.
        deltas: number of deltas of each streamed response; 0 for non-streaming ones.
        kind: see `stub_server`.
        delay_ms: the server's delay before each response.
        is_plain: tools are plain functions, which every loop calls in a worker thread.
        tool_ms: how long the tool that is called waits.
        max_connections: how many exchanges agentkit may have under way.
        is_entered: agentkit's agent is entered once, not opened by each run.
    """

    calls: int = 1
    tools: int = 1
    is_long: bool = False
    deltas: int = 0
    kind: str = "text"
    delay_ms: int = 0
    is_plain: bool = False
    tool_ms: int = 0
    max_connections: int = 1_000
    is_entered: bool = True

    def url(self, port: int) -> str:
        """Return the stub server's base URL for this case."""
        return f"http://127.0.0.1:{port}/{self.calls}/{self.delay_ms}/{self.deltas}/{self.kind}"

    def functions(self) -> Tools:
        """Return the tools by name; the first is the one that is called."""

        async def convert(amount: float, rate: float) -> object:
            """Convert an amount of money.

            Args:
                amount: how much, in the source currency.
                rate: target units per source unit.
            """
            if self.tool_ms:
                await sleep(self.tool_ms / 1000)
            return LONG if self.is_long else amount * rate

        def convert_plainly(amount: float, rate: float) -> object:
            return LONG if self.is_long else amount * rate

        convert_plainly.__doc__ = convert.__doc__

        async def note(text: str) -> str:
            """Keep a note.

            Args:
                text: what to keep.
            """
            return text[:4]

        if self.kind == "items":
            return {"order": _take_order}
        usual = convert_plainly if self.is_plain else convert
        first = note if self.kind == "arguments" else usual
        name = "note" if self.kind == "arguments" else "convert"
        return {name: first, **{f"convert_{n}": usual for n in range(self.tools - 1)}}

    def checked(self, output: str) -> str:
        """Return `output` if it is the final text of the run: an incomplete run proves nothing.

        Raises:
            RuntimeError: it is another text.
        """
        expected = "".join(streamed_words(self.deltas)) if self.deltas else ANSWER
        if output.strip() != expected.strip():
            raise RuntimeError(f"The run ended with {output[:80]!r}, not with {expected[:80]!r}.")
        return output


class Item(BaseModel):
    """One item of an order."""

    name: str
    amount: float
    labels: list[str]
    due: date | None = None


class Order(BaseModel):
    """An order of many items."""

    items: list[Item]


async def _take_order(items: list[Item]) -> int:
    """Take an order.

    Args:
        items: what is ordered.
    """
    return len(items)


def described(name: str) -> Mapping[str, object]:
    """Return the description of a tool that the baseline loop sends."""
    parameters: Mapping[str, str] = {"text": "what to keep."}
    if name != "note":
        parameters = {
            "amount": "how much, in the source currency.",
            "rate": "target units per source unit.",
        }
    kind = "string" if name == "note" else "number"
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": "Keep a note." if name == "note" else "Convert an amount of money.",
            "parameters": {
                "type": "object",
                "properties": {
                    each: {"type": kind, "description": words} for each, words in parameters.items()
                },
                "required": list(parameters),
                "additionalProperties": False,
            },
        },
    }
