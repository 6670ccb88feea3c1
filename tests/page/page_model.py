"""A model for the tests of the chat page: a message of the user says how it is answered.

In:  requests; the last message of the user is the name of a scene, or is repeated.
Out: text in pieces, calls, errors; `PageModel.release` lets a held answer go on.
"""

import json
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import anyio
import anyio.lowlevel
from pydantic import Field

from agentkit import AssistantMessage, Usage, tool
from agentkit.chat import FinishReason, ModelRequest, ModelResponse, Repair
from agentkit.config.profile import ModelProfile
from agentkit.content import ContentBlock, ReasoningContent, TextContent
from agentkit.errors import StatusError
from agentkit.event import AnswerRepaired, Emit, ReasoningReceived, TextReceived
from agentkit.message import ToolCall, ToolResult, UserMessage
from agentkit.model.model import ModelConnection
from agentkit.value import dataclass
from agentkit_tools import load_tools

PIECE = 24
HELD = "HOLD"
"""Where a text waits until it is released."""

TABLE = """\
## Sales by region, third quarter

Revenue grew by **8.4 %** over the second quarter. The north carries most of it; the coast fell for
the second time.

| Region | Q2, k€ | Q3, k€ | Change |
|--------|-------:|-------:|-------:|
| North | 412.0 | 489.3 | +18.8 % |
| Inland | 368.5 | 391.2 | +6.2 % |
| Coast | 287.1 | 276.9 | -3.6 % |

Two things are new:

1. Two thirds of the growth come from **one** customer (order group `N-204`).
2. Returns at the coast doubled. Most of them name *broken in transit*:
   - 61 of 94 in week 34
   - the same carrier each time

```sql
select region, quarter, sum(amount) from sales
where year = 2026 -- both quarters
group by region, quarter
```

See [the handbook](https://example.com/handbook).
"""


HOSTILE = """\
<script>window.broken = 1</script> <img src=x onerror="window.broken = 2">

<iframe src="https://evil.example/"></iframe><svg onload="window.broken = 3"></svg>

<a href="javascript:window.broken=4">raw link</a> <style>body { display: none }</style>

[scheme](javascript:window.broken=5) [tab](java\tscript:window.broken=6)
[entity](&#106;avascript:window.broken=7) [data](data:text/html,<script>alert(1)</script>)
[vbscript](vbscript:x) [file](file:///etc/passwd) [case](JaVaScRiPt:window.broken=8)

![pixel](https://evil.example/pixel.png?q=secret) ![drawing](data:image/svg+xml;base64,PHN2Zz4=)
![quote](x" onerror="window.broken=9)

[title](https://example.com "x\\" onmouseover=\\"window.broken=10")
<https://example.com/auto> [good](https://example.com/good) [mail](mailto:a@example.com)

| a | b |
|---|---|
| <img src=x onerror=window.broken=11> | `<b>` |

```html
<script>window.broken = 12</script>
```

&lt;script&gt;window.broken = 13&lt;/script&gt; &#0; &#xD800; \u202eright to left
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One answer of the model."""

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, object]]] = ()
    reasoning: str = ""
    repair: Repair | None = None
    fails: bool = False


SCENES: Mapping[str, Scene] = {
    "Compare the regions": Scene(
        reasoning="The sales are in one table.",
        calls=[("run_query", {"sql": "select region, sum(amount) from sales group by region"})],
        repair=Repair(
            kind="lenient_json",
            before="{'sql': 'select region, sum(amount) …'}",
            after='{"sql": "select region, sum(amount) …"}',
            reason="Written with single quotes; read as JSON.",
        ),
    ),
    "Refund order 1187": Scene(
        text="Order 1187 was paid by card. I can refund it; the money goes back to the same card.",
        calls=[
            (
                "refund_payment",
                {"order": 1187, "amount": 89.9, "currency": "EUR", "reason": "Arrived broken."},
            )
        ],
        repair=Repair(
            kind="coerced_number",
            before='"89,90"',
            after="89.9",
            reason="The amount was written as text with a comma; read as a number.",
        ),
    ),
    "Refund two orders": Scene(
        calls=[
            ("refund_payment", {"order": 1, "amount": 10.0, "currency": "EUR", "reason": "Late."}),
            ("refund_payment", {"order": 2, "amount": 20.0, "currency": "EUR", "reason": "Late."}),
        ],
    ),
    "Book a table": Scene(
        calls=[
            (
                "book_table",
                {"floor": 1, "note": "Window", "size": "small", "seats": 4, "extras": ["screen"]},
            )
        ],
    ),
    "Plan the trip": Scene(
        calls=[
            (
                "update_plan",
                {"steps": [{"step": "book", "status": "done"}, {"step": "pack"}]},
            ),
            ("ask_user", {"question": "Which color?", "choices": ["red", "blue"]}),
        ],
    ),
    "Write slowly": Scene(text=f"The first half. {HELD}The second half."),
    "Look up slowly": Scene(text="Let me look.", calls=[("slow_lookup", {"name": "Oslo"})]),
    "Letter to a supplier": Scene(text="Dear Sir or Madam,", fails=True),
    "Fail": Scene(text="It begins well, ", fails=True),
    "Break the tool": Scene(calls=[("run_query", {"sql": "drop table sales"})]),
    "Ask the analyst": Scene(calls=[("analyst", {"prompt": "Compare the regions"})]),
    "Show Markdown": Scene(text=TABLE),
}


class PageModel:
    """The model; it holds at `HELD` until `release` is set, or until its file appears."""

    def __init__(self, release_file: Path | None = None, hostile: str = "") -> None:
        self.name = "page:mixtral-8x22b"
        self.profile = ModelProfile(
            family="page",
            id="mixtral-8x22b",
            input_usd_per_million=Decimal(1),
            output_usd_per_million=Decimal(1),
        )
        self.release = threading.Event()
        self.hostile = hostile
        self._release_file = release_file
        self._calls = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open a connection; nothing leaves the process."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Play the scene that the user named."""
        scene = self._scene(request)
        blocks: list[ContentBlock] = []
        if scene.reasoning:
            blocks.append(ReasoningContent(scene.reasoning))
            await emit(ReasoningReceived(scene.reasoning))
        written = ""
        for held, part in enumerate(scene.text.split(HELD)):
            if held:
                await self._wait()
            for at in range(0, len(part), PIECE):
                await emit(TextReceived(part[at : at + PIECE]))
                await anyio.lowlevel.checkpoint()
            written += part
        if written:
            blocks.append(TextContent(written))
        if scene.fails:
            raise StatusError("The provider failed.", kind="server", status=500)
        calls = [self._call(name, arguments) for name, arguments in scene.calls]
        if scene.repair is not None:
            await emit(AnswerRepaired(repair=_of_call(scene.repair, calls[0].id)))
        message = AssistantMessage(blocks, tool_calls=calls)
        usage = Usage(input_tokens=1200, output_tokens=80, cost_usd=Decimal("0.00125"))
        reason: FinishReason = "tool_calls" if calls else "stop"
        return ModelResponse(
            message=message,
            finish_reason=reason,
            usage=usage,
            model="mixtral-8x22b",
            provider="page",
        )

    def _scene(self, request: ModelRequest) -> Scene:
        last = request.history[-1]
        asked = next(one.text for one in reversed(request.history) if isinstance(one, UserMessage))
        if isinstance(last, ToolResult):
            is_table = asked == "Compare the regions"
            return Scene(text=TABLE if is_table else f"Done: {last.text}")
        if asked == "Hostile":
            return Scene(text=self.hostile)
        return SCENES.get(asked, Scene(text=f"You wrote: {asked}"))

    def _call(self, name: str, arguments: Mapping[str, object]) -> ToolCall:
        self._calls += 1
        return ToolCall(id=f"call_{self._calls}", name=name, arguments=json.dumps(arguments))

    async def _wait(self) -> None:
        while not self.release.is_set():  # set by another thread or process
            if self._release_file is not None and self._release_file.exists():
                return
            await anyio.sleep(0.01)


def _of_call(repair: Repair, call_id: str) -> Repair:
    return Repair(
        kind=repair.kind,
        before=repair.before,
        after=repair.after,
        reason=repair.reason,
        call_id=call_id,
    )


@tool(read_only=True)
def run_query(sql: str) -> list[dict[str, object]]:
    """Run a query on the sales."""
    if not sql.startswith("select"):
        raise ValueError("Only select is allowed.")
    return [{"region": "north", "q2": 412.0, "q3": 489.3}, {"region": "coast", "q2": 287.1}]


@tool(approval="ask", title="Refund a payment")
def refund_payment(
    order: int,
    amount: Annotated[float, Field(ge=0, le=500, description="At most the price of the order.")],
    currency: Literal["EUR", "USD"],
    reason: str,
) -> str:
    """Pay money back."""
    return f"{amount} {currency} refunded for order {order}: {reason}"


@tool(read_only=True)
async def slow_lookup(name: str) -> str:
    """Look up a name, slowly."""
    await anyio.sleep(60)
    return name


TOOLS = (*load_tools("plan"), *load_tools("ask"), run_query, refund_payment, slow_lookup)
