"""The baseline: a tool-calling loop on httpx and the standard library's json, with one client.

In:  a client, an address, the tools.
Out: the model's final text.

It checks nothing, repairs nothing and has no limits. agentkit is compared with it.
"""

import json
from collections.abc import Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

import httpx
from anyio.to_thread import run_sync

from benchmarks.case import PROMPT, Case, Run, Tools, described


def run_of(case: Case, client: httpx.AsyncClient, port: int) -> Run:
    """Return a coroutine function that makes one run of a case."""
    loop = run_streamed if case.deltas else run
    tools = case.functions()
    specs = [described(name) for name in tools]

    async def run_baseline() -> object:
        output = await loop(client, case.url(port), specs=specs, tools=tools, prompt=PROMPT)
        return case.checked(output)

    return run_baseline


async def run(
    client: httpx.AsyncClient, url: str, *, specs: Sequence[object], tools: Tools, prompt: str
) -> str:
    """Run until the model answers."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    while True:
        body = {"model": "m", "messages": messages, "tools": specs}
        response = await client.post(f"{url}/chat/completions", json=body)
        response.raise_for_status()
        message = response.json()["choices"][0]["message"]
        messages.append(message)
        if not message.get("tool_calls"):
            return str(message["content"])
        messages.extend([await _answer(call, tools) for call in message["tool_calls"]])


async def run_streamed(
    client: httpx.AsyncClient, url: str, *, specs: Sequence[object], tools: Tools, prompt: str
) -> str:
    """Run until the model answers, and read every answer as a stream."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    while True:
        body = {"model": "m", "messages": messages, "tools": specs, "stream": True}
        message = await _read(client, f"{url}/chat/completions", body)
        messages.append(message)
        if not message.get("tool_calls"):
            return str(message["content"])
        messages.extend([await _answer(call, tools) for call in message["tool_calls"]])


async def _read(client: httpx.AsyncClient, url: str, body: object) -> dict[str, Any]:
    text: list[str] = []
    calls: dict[int, dict[str, Any]] = {}
    async with client.stream("POST", url, json=body) as response:
        async for line in response.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            for choice in json.loads(line[6:])["choices"]:
                text.append(choice["delta"].get("content") or "")
                for part in choice["delta"].get("tool_calls") or ():
                    call = calls.setdefault(part["index"], {"type": "function", **part})
                    if call["function"] is not part["function"]:
                        call["function"]["arguments"] += part["function"]["arguments"]
    if not calls:
        return {"role": "assistant", "content": "".join(text)}
    found = [{name: call[name] for name in ("id", "type", "function")} for call in calls.values()]
    return {"role": "assistant", "content": "".join(text), "tool_calls": found}


async def _answer(call: dict[str, Any], tools: Tools) -> dict[str, Any]:
    function = call["function"]
    called, arguments = tools[function["name"]], json.loads(function["arguments"])
    if iscoroutinefunction(called):
        result = await called(**arguments)
    else:  # it may wait for something, as users' functions do
        result = await run_sync(partial(called, **arguments))
    return {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)}
