"""What was found of one structured answer.

In:  what a check of the answer gave.
Out: `Judgement`, a value that is stored with the exchange.
"""

from agentkit.chat import Mending
from agentkit.message import ToolResult, UserMessage
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found of an answer that should have a certain type.

    Attributes:
        is_accepted: it has the type.
        reason: why it has not, in words for the model.
        results: of the call that gave the answer, and of calls that came too late beside it.
        reply: what the model is told where it answered in text.
        mendings: what was changed before it fitted.
    """

    is_accepted: bool = False
    reason: str = ""
    results: tuple[ToolResult, ...] = ()
    reply: UserMessage | None = None
    mendings: tuple[Mending, ...] = ()
