"""What can be said about an MCP server, and what one says of its prompts.

In:  the caller's wishes; a prompt as the SDK lists it.
Out: `MCPOptions`, `Prompt`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import mcp_types as types

from agentkit.event import ReportLevel
from agentkit.mcp.client.server_connection import RestartSettings
from agentkit.mcp.client.server_requests import OnElicitation, OnSampling

MAX_MESSAGE_BYTES = 16_000_000


class MCPOptions(TypedDict, total=False):
    """What may be said about a server beside where it is; all are optional.

    Attributes:
        call_timeout_seconds: limit of one call, above 0; if left out, the run's own limit counts.
        restart: how long it is waited for, and how often it is started again.
        required: a run fails where the server cannot be used; else it goes on without.
        trusts_annotations: what the server says of its tools' effects is believed, so that tools
            that only read may run side by side.
        search_threshold: with more tools than this, a turn is offered those that the conversation
            needs, and a tool to find others; None to offer all.
        expose_resources: its resources can be listed and read by the model, as tools.
        expose_prompts: its prompts can be listed and read by the model, as tools.
        on_elicitation: puts the server's questions to the user; without it the server is told that
            there is nobody to ask.
        on_sampling: gives completions to the server; "run" for those of the run's own model, within
            its budget.
        roots: folders that the server is told it may work in.
        max_message_bytes: of one message of the server; a longer one is an error for its call.
        log_level: what the server is asked to tell of its work.
    """

    call_timeout_seconds: float | None
    restart: RestartSettings
    required: bool
    trusts_annotations: bool
    search_threshold: int | None
    expose_resources: bool
    expose_prompts: bool
    on_elicitation: OnElicitation | None
    on_sampling: OnSampling | str | None
    roots: Sequence[str | Path]
    max_message_bytes: int
    log_level: ReportLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt that a server offers; `arguments` maps names to what they are for.

    Attributes:
        required: the names of the arguments that must be given.
    """

    name: str
    title: str | None
    description: str
    arguments: Mapping[str, str]
    required: frozenset[str]


def prompt_entry_from_mcp(one: types.Prompt) -> Prompt:
    """Return a prompt as it is listed."""
    arguments = one.arguments or []
    return Prompt(
        name=one.name,
        title=one.title,
        description=one.description or "",
        arguments={each.name: each.description or "" for each in arguments},
        required=frozenset(each.name for each in arguments if each.required),
    )
