"""The form in which each setting is sent to each provider, found by encoding it; the families.

In:  the catalog and the families.
Out: the lines of the tables in `docs/providers.md`; run this file to print them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.families import load_families
from agentkit.config.load import default_family, load_catalog, resolve_model
from agentkit.errors import UnsupportedError
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.message import UserMessage
from agentkit.model.build import DIALECTS

TOOL = ToolSpec(name="add", description="Add.", input_schema={"type": "object"})
SCHEMA: JsonObject = {"type": "object", "properties": {}}
BASE = ModelRequest(history=History([UserMessage("hi")]))
WITH_TOOLS = replace(BASE, tools=(TOOL,))

REQUESTS: Mapping[str, ModelRequest] = {
    "frequency_penalty": replace(BASE, settings=ModelSettings(frequency_penalty=0.5)),
    "max_tokens": replace(BASE, settings=ModelSettings(max_tokens=7)),
    "presence_penalty": replace(BASE, settings=ModelSettings(presence_penalty=0.5)),
    "response_format": replace(BASE, response_format=SCHEMA),
    "seed": replace(BASE, settings=ModelSettings(seed=7)),
    "stop": replace(BASE, settings=ModelSettings(stop=("x",))),
    "structured_outputs": replace(
        BASE, settings=ModelSettings(extra_body={"structured_outputs": True})
    ),
    "temperature": replace(BASE, settings=ModelSettings(temperature=0.5)),
    "tool_choice": replace(WITH_TOOLS, tool_choice=ToolChoice(mode="required")),
    "tools": WITH_TOOLS,
    "top_p": replace(BASE, settings=ModelSettings(top_p=0.5)),
}
"""A request for each parameter that a directory of models documents for Mixtral 8x22B."""

WITHOUT: Mapping[str, ModelRequest] = dict.fromkeys(REQUESTS, BASE) | {"tool_choice": WITH_TOOLS}
IDS = {"azure-openai": "my-deployment", "local-completions": "mixtral.gguf"}


def fate(provider: str, parameter: str) -> str:
    """Return what the requests of a provider have for a parameter.

    `yes`, another name, `prompt` if it becomes text, `no` if it is left out, `refused` if it is an
    error.
    """
    name = f"{provider}:{default_family(load_catalog()[provider]) or IDS.get(provider, 'm')}"
    resolved = resolve_model(name, environ={}, api_key="k" * 8, base_url="http://127.0.0.1:9/v1")
    dialect = DIALECTS[resolved.provider.dialect]()

    def body(request: ModelRequest) -> dict[str, Any]:
        encoded = dialect.encode(request, provider=resolved.provider, model=resolved.model)
        return dict(json.loads(encoded.wire.body))

    try:
        with_it, without = body(REQUESTS[parameter]), body(WITHOUT[parameter])
    except UnsupportedError:
        return "refused"
    changed = [field for field in with_it if with_it[field] != without.get(field)]
    if not changed:
        return "no"
    if parameter in changed:
        return "yes"
    return "prompt" if {"messages", "prompt"}.intersection(changed) else f"`{changed[0]}`"


def lines() -> Iterator[str]:
    """Yield the table."""
    yield f"| provider | {' | '.join(f'`{name}`' for name in REQUESTS)} |"
    yield "|---" * (len(REQUESTS) + 1) + "|"
    for provider in load_catalog():
        fates = " | ".join(fate(provider, parameter) for parameter in REQUESTS)
        yield f"| `{provider}` | {fates} |"


def family_lines() -> Iterator[str]:
    """Yield the table of the families."""
    yield "| family | rules | context window | reasoning | tool choice |"
    yield "|---|---|---|---|---|"
    for name, family in load_families().items():
        window = f"{family.context_window_tokens:,}" if family.context_window_tokens else "differs"
        choice = "as the provider"
        if family.tool_choice is not None:
            choice = ", ".join(f"`{form}`" for form in sorted(family.tool_choice))
        yield f"| `{name}` | {family.rules} | {window} | {family.reasoning} | {choice} |"


if __name__ == "__main__":
    print("\n".join([*lines(), "", *family_lines()]))  # noqa: T201  # its purpose
