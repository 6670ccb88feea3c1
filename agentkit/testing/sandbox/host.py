"""The sandbox: a host on loopback that needs no key and is no language model.

In:  chat requests over HTTP, as any OpenAI-form client sends them.
Out: answers by plain rules (`planner`), refusals by Mixtral's rules (`rules`).
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentkit.clock import Clock, SystemClock
from agentkit.json_schema import JsonValue
from agentkit.testing.http_server import HttpRequest, Reply, ServerLimits, serve
from agentkit.testing.sandbox.complete import complete
from agentkit.testing.sandbox.mistral_form import (
    read_chat,
    spell_completion,
    spell_error,
    spell_models,
)
from agentkit.testing.sandbox.planner import plan
from agentkit.testing.sandbox.rules import Fault

_MODELS = ("mixtral-8x22b", "open-mixtral-8x22b")
_METHODS = {"/v1/chat/completions": "POST", "/v1/models": "GET"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRequest:
    """A request that the sandbox received; header names are lower case.

    Attributes:
        path: below the base URL, e.g. `/chat/completions`.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> JsonValue:
        """Return the body, read as JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        value: JsonValue = json.loads(self.body)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        base_url: what a client appends `/chat/completions` to.
        requests: all that was received, oldest first, refused requests too.
    """

    base_url: str
    requests: list[SandboxRequest] = field(default_factory=list)

    @property
    def chats(self) -> list[JsonValue]:
        """Return the bodies of the chat requests, oldest first."""
        return [r.json() for r in self.requests if r.path == "/chat/completions"]


@asynccontextmanager
async def sandbox(
    model: str = "mixtral-8x22b",
    *,
    clock: Clock | None = None,
    limits: ServerLimits | None = None,
) -> AsyncIterator[Sandbox]:
    """Run a sandbox on a free port of loopback for as long as the context lasts.

    Args:
        model: a further model id to answer for, beside Mixtral's own.
        clock: what `created` and "today" follow.
        limits: what the server puts up with.
    """
    received: list[SandboxRequest] = []
    host = _Host(model=model, clock=clock or SystemClock(), received=received)
    async with serve(host.answer, limits=limits) as url:
        yield Sandbox(base_url=f"{url}/v1", requests=received)


@asynccontextmanager
async def launch(model: str) -> AsyncIterator[str]:
    """Run a sandbox for `model` and yield its base URL; the catalog names this function."""
    async with sandbox(model) as running:
        yield running.base_url


class _Host:
    """Answers requests; keeps nothing between them but what it received."""

    def __init__(self, *, model: str, clock: Clock, received: list[SandboxRequest]) -> None:
        self._models = tuple(dict.fromkeys((model, *_MODELS)))
        self._clock = clock
        self._received = received

    async def answer(self, request: HttpRequest) -> Reply:
        """Answer one request."""
        self._received.append(
            SandboxRequest(
                method=request.method,
                path=request.path.removeprefix("/v1"),
                headers=request.headers,
                body=request.body,
            )
        )
        wanted = _METHODS.get(request.path)
        if wanted is None:
            message = f"There is no {request.path} here, only {', '.join(_METHODS)}."
            return spell_error(Fault(message=message, type="not_found"), status=404)
        if request.method != wanted:
            message = f"{request.path} takes {wanted}, not {request.method}."
            fault = Fault(message=message, type="method_not_allowed")
            return spell_error(fault, status=405, headers={"allow": wanted})
        if wanted == "GET":
            return spell_models(self._models, created=self._seconds())
        return self._chat(request.body)

    def _chat(self, body: bytes) -> Reply:
        read = read_chat(body, models=self._models, today=self._clock.now().date())
        if isinstance(read, Reply):
            return read
        prompt = read.prompt
        completion = complete(
            plan(read.ask),
            prompt=prompt,
            used_ids=read.used_ids,
            max_tokens=read.body.max_tokens,
            stop=read.stop,
        )
        digest = hashlib.blake2b(prompt.encode("utf-8", "replace"), digest_size=16).hexdigest()
        return spell_completion(
            completion,
            response_id=f"sandbox-{digest}",
            created=self._seconds(),
            body=read.body,
        )

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())
