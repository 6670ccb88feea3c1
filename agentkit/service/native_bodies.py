"""The bodies of requests about runs and conversations.

In:  JSON objects.
Out: frozen values, or `InvalidRequestError`, which names the field that is wrong.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from agentkit.message import ToolCall
from agentkit.service.http_errors import ServiceError
from agentkit.tools.approval import Approval

MAX_NAME = 200
MAX_CHOSEN = 180
"""A name that is stored with the prefix of a tenant."""

MAX_TEXT = 1_000_000


def require_printable(name: str) -> str:
    """Return a name that both databases keep and find as it is.

    Raises:
        ValueError: it is not one.
    """
    if not name.isprintable():
        raise ValueError("a name has printable characters")
    return name


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
ChosenName = Annotated[
    str, Field(min_length=1, max_length=MAX_CHOSEN), AfterValidator(require_printable)
]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class _Body(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class DecisionBody(_Body):
    """The decision about one open call; `arguments` is JSON text in place of the model's."""

    call_id: Name
    verdict: Literal["allow", "deny"]
    arguments: Text | None = None
    reason: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class StartRunBody(_Body):
    """A run to be started; its id is its idempotency key."""

    agent: Name
    prompt: Text
    run_id: ChosenName | None = None
    labels: dict[Name, Annotated[str, Field(max_length=MAX_NAME)]] = {}
    at: Annotated[AwareDatetime, Field(strict=False)] | None = None


class DecideBody(_Body):
    """Decisions about open calls of a run."""

    decisions: Annotated[list[DecisionBody], Field(min_length=1)]


class NewSessionBody(_Body):
    """A conversation to be created."""

    agent: Name
    title: Annotated[str, Field(max_length=MAX_NAME)] = ""
    session_id: ChosenName | None = None


class SayBody(_Body):
    """What the user says; without `prompt`, the run goes on with what is there.

    `replaces` is a message of the user, or an answer to it: the turn becomes another branch.
    """

    prompt: Text | None = None
    replaces: Name | None = None
    decisions: list[DecisionBody] = []
    stream: bool = False


class EntryBody(_Body):
    """A place in a conversation."""

    entry_id: Name


class ForkBody(_Body):
    """A conversation to begin at a place of another; at its head if none is named."""

    entry_id: Name | None = None
    title: Annotated[str, Field(max_length=MAX_NAME)] | None = None


class TitleBody(_Body):
    """A title."""

    title: Annotated[str, Field(max_length=MAX_NAME)]


def read_decisions(decisions: Sequence[DecisionBody], calls: Sequence[ToolCall]) -> list[Approval]:
    """Return approvals for open calls.

    Raises:
        ServiceError: a call does not wait for a decision, or a denial has arguments.
    """
    found = {call.id: call for call in calls}
    approvals: list[Approval] = []
    for one in decisions:
        call = found.get(one.call_id)
        if call is None:
            raise ServiceError(
                f"No open call has the id {one.call_id!r}.", status=404, code="not_found"
            )
        if one.verdict == "deny" and one.arguments is not None:
            raise ServiceError("Only a call that is allowed can get arguments.", param="arguments")
        approvals.append(
            Approval.approve(call, arguments=one.arguments)
            if one.verdict == "allow"
            else Approval.deny(call, reason=one.reason)
        )
    return approvals
