"""The options of an MCP server, and the value for its prompts.

In:  the caller's options; a prompt as the SDK lists it.
Out: `MCPOptions`, `Prompt`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import mcp_types as types

from agentkit.event import ReportLevel
from agentkit.mcp.client.server_connection import RestartSettings
from agentkit.mcp.client.server_requests import OnElicitation, OnSampling

MAX_MESSAGE_BYTES = 16_000_000


class MCPOptions(TypedDict, total=False):
    """The options of a server apart from its address; all are optional.

    Attributes:
        call_timeout_seconds: limit of one call, above 0; the run's own limit if not set.
        restart: how long to wait for the server, and how often to restart it.
        required: True: a run fails if the server does not start; otherwise it continues without
            it. A server that is lost later costs its own tools only.
        trusts_annotations: False: its tools are taken for destructive and so on, MCP's defaults,
            whatever their hints. True for servers of your own: rules respect the hints, and tools
            that only read may run in parallel.
        search_threshold: with more tools than this, a turn offers those that the conversation
            needs and a tool to find others; None to offer all.
        expose_resources: offer tools to the model that list and read the server's resources.
        expose_prompts: offer tools to the model that list and read the server's prompts.
        on_elicitation: answers the server's elicitation requests; without it, the client does not
            declare the capability.
        on_sampling: answers the server's sampling requests; "run" uses the run's own model, within
            its budget.
        roots: folders that the server may work in, sent to it on request.
        max_message_bytes: limit of one message of the server; a longer one fails its call.
        log_level: the minimum level of log messages that the server is asked to send.
    """

    call_timeout_seconds: float | None
    restart: RestartSettings
    required: bool
    trusts_annotations: bool
    search_threshold: int | None
    expose_resources: bool
    expose_prompts: bool
    on_elicitation: OnElicitation | None
    on_sampling: OnSampling | Literal["run"] | None
    roots: Sequence[str | Path]
    max_message_bytes: int
    log_level: ReportLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt of a server.

    Attributes:
        arguments: the description of each argument, by name.
        required: the names of the arguments that must be given.
    """

    name: str
    title: str | None
    description: str
    arguments: Mapping[str, str]
    required: frozenset[str]


def prompt_entry_from_mcp(one: types.Prompt) -> Prompt:
    """Convert a listed prompt."""
    arguments = one.arguments or []
    return Prompt(
        name=one.name,
        title=one.title,
        description=one.description or "",
        arguments={each.name: each.description or "" for each in arguments},
        required=frozenset(each.name for each in arguments if each.required),
    )
