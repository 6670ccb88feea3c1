"""The sandbox: a provider on loopback that needs no key and is no language model.

In:  requests over HTTP, in the form of the provider that it stands in for.
Out: answers by plain rules (`planner`), refusals by that provider's and Mixtral's rules.

A request goes through four steps, each a value: it is read (`Asked`), planned and completed
(`Completion`), spelled in the provider's form (`Spelled`), and made bytes (`Reply`).
"""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import field
from functools import partial
from typing import TypeAlias
from urllib.parse import unquote

from agentkit.clock import Clock, SystemClock
from agentkit.json_schema import JsonValue
from agentkit.sandbox.faults.byte_faults import Sent
from agentkit.sandbox.faults.fault import (
    FaultInjector,
    Faults,
    Honest,
    SandboxAnswer,
    as_plan,
)
from agentkit.sandbox.http_server import HttpRequest, Reply, ServerLimits, serve
from agentkit.sandbox.planner.planner import plan
from agentkit.sandbox.planner.question import Asked, Completion
from agentkit.sandbox.wire.chat_request import read_chat
from agentkit.sandbox.wire.chat_response import Answering, spell_chat, spell_headers
from agentkit.sandbox.wire.encoded_response import Spelled, as_reply
from agentkit.sandbox.wire.finalize import complete
from agentkit.sandbox.wire.key_check import find_key_fault
from agentkit.sandbox.wire.messages_request import read_messages
from agentkit.sandbox.wire.messages_response import spell_count, spell_messages
from agentkit.sandbox.wire.models_endpoint import (
    spell_messages_model,
    spell_messages_models,
    spell_model,
    spell_models,
)
from agentkit.sandbox.wire.prompt_completion import read_prompt, spell_prompt
from agentkit.sandbox.wire.prompt_markers import CALLS, in_words
from agentkit.sandbox.wire.provider_format import Door, ProviderFormat
from agentkit.sandbox.wire.providers import provider_form
from agentkit.sandbox.wire.request_errors import Refusal, spell_refusal
from agentkit.value import dataclass

Alter: TypeAlias = Callable[[Completion], Completion]
"""Changes an answer that was planned, before it is spelled in the provider's form."""

_API_KEY = "sandbox-key"
_MAX_MODEL_LENGTH = 200
_ANSWERS = frozenset({"/chat/completions", "/messages", "/v1/messages", "/completions"})


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
class SandboxExchange:
    """A request, and what was done about it.

    Attributes:
        status: of the answer; None where something else than an answer was sent.
        fault: what is wrong with the answer, by its name in `FAULTS`; None if nothing is.
    """

    request: SandboxRequest
    status: int | None
    fault: str | None


ExchangeListener: TypeAlias = Callable[[SandboxExchange], None]
"""Called with each exchange, before the answer is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        base_url: what a client appends `/chat/completions` to, with the path of the provider's own.
        model: the name to give an agent, e.g. `oxen:mixtral-8x22b`.
        api_key: the key it takes; None where it takes anybody.
        requests: all that was received, oldest first, refused requests too.
        answers: what was meant by each answer, oldest first, and how it was spoiled, if it was.
    """

    base_url: str
    model: str = "sandbox:mixtral-8x22b"
    api_key: str | None = None
    requests: list[SandboxRequest] = field(default_factory=list)
    answers: list[SandboxAnswer] = field(default_factory=list)

    @property
    def chats(self) -> list[JsonValue]:
        """Return the bodies of the requests for an answer, in whatever form, oldest first."""
        return [r.json() for r in self.requests if r.method == "POST" and r.path in _ANSWERS]


@asynccontextmanager
async def sandbox(  # noqa: PLR0913 - what users write; each is a word of its own
    model: str = "mixtral-8x22b",
    *,
    provider: str = "sandbox",
    api_key: str = _API_KEY,
    alter: Alter | None = None,
    faults: Faults = None,
    clock: Clock | None = None,
    limits: ServerLimits | None = None,
    port: int = 0,
    listener: ExchangeListener | None = None,
) -> AsyncIterator[Sandbox]:
    """Run a sandbox on loopback for as long as the context lasts.

    An agent is pointed at it with the provider's own profile:
    `Agent(running.model, base_url=running.base_url, api_key=running.api_key)`.

    Args:
        model: a model of the provider, or a further id to answer for.
        provider: the provider of the catalog whose format, errors and strictness it has.
        api_key: the key it takes, where that provider needs one.
        alter: changes each answer before it is spelled, e.g. to break a call once.
        faults: what goes wrong in answers: `"all"`, names of `FAULTS`, or a `FaultPlan`.
        clock: what `created` and "today" follow.
        limits: what the server puts up with.
        port: where to listen; 0 for any free port.
        listener: called with each exchange, before its answer is sent.

    Raises:
        ConfigError: there is no such provider in the catalog or no such fault, or the port
            cannot be used.
    """
    form = provider_form(provider, model=model)
    misdeeds = FaultInjector(as_plan(faults))
    received: list[SandboxRequest] = []
    key = api_key if form.takes.keys else None
    answers = _Provider(
        form=form,
        api_key=key,
        alter=alter or _unaltered,
        misdeeds=misdeeds,
        clock=clock or SystemClock(),
        received=received,
        listener=listener,
    )
    async with serve(answers.answer, limits=limits, port=port) as url:
        yield Sandbox(
            base_url=f"{url}{form.base_path}",
            model=f"{provider}:{model}",
            api_key=key,
            requests=received,
            answers=misdeeds.answers,
        )


@asynccontextmanager
async def launch(model: str) -> AsyncIterator[str]:
    """Run a sandbox for `model` and yield its base URL; the catalog names this function."""
    async with sandbox(model) as running:
        yield running.base_url


def _unaltered(completion: Completion) -> Completion:
    return completion


def _spell_completion(completion: Completion, *, door: Door, answering: Answering) -> Spelled:
    asked = answering.asked
    if asked.in_words != "no":
        marker = CALLS if asked.in_words == "marked" else ""
        completion = in_words(completion, marker=marker, begun=asked.begun)
    if door == "messages":
        return spell_messages(completion, answering)
    if door == "completions":
        return spell_prompt(completion, answering)
    return spell_chat(completion, answering)


class _Provider:
    """Answers requests; keeps nothing between them but what it received."""

    def __init__(
        self,
        *,
        form: ProviderFormat,
        api_key: str | None,
        alter: Alter,
        misdeeds: FaultInjector,
        clock: Clock,
        received: list[SandboxRequest],
        listener: ExchangeListener | None,
    ) -> None:
        self._form = form
        self._api_key = api_key
        self._alter = alter
        self._misdeeds = misdeeds
        self._clock = clock
        self._received = received
        self._listener = listener

    async def answer(self, request: HttpRequest) -> Sent:
        """Answer one request."""
        seen = SandboxRequest(
            method=request.method,
            path=request.path.removeprefix(self._form.base_path),
            headers=request.headers,
            body=request.body,
        )
        self._received.append(seen)
        spelled = self._spell(seen, request.path)
        is_answer = not isinstance(spelled, Spelled)
        sent = as_reply(spelled) if isinstance(spelled, Spelled) else spelled
        if self._listener is not None:
            self._listener(
                SandboxExchange(
                    request=seen,
                    status=sent.status if isinstance(sent, Reply) else None,
                    fault=self._misdeeds.answers[-1].fault if is_answer else None,
                )
            )
        return sent

    def _spell(self, request: SandboxRequest, path: str) -> Spelled | Sent:
        """Find the door that was knocked at and answer there."""
        is_below = path.startswith(f"{self._form.base_path}/")
        door, rest = self._find_door(request.path) if is_below else (None, "")
        if door is None:
            places = ", ".join(f"{self._form.base_path}{one}" for one in self._form.doors)
            message = f"There is no {path} here, only {places}."
            return self._refuse(Refusal(message=message, why="path", type="not_found"), door)
        wanted = "GET" if door in ("models", "messages_models") else "POST"
        if request.method != wanted:
            refusal = Refusal(
                message=f"{path} takes {wanted}, not {request.method}.",
                type="method_not_allowed",
                status=405,
                headers={"allow": wanted},
            )
            return self._refuse(refusal, door)
        fault = find_key_fault(request.headers, request.body, form=self._form, key=self._api_key)
        if fault is not None:
            return self._refuse(fault, door)
        return self._answer(door, rest, request)

    def _find_door(self, path: str) -> tuple[Door | None, str]:
        """Return the door at `path`, and for one model its name."""
        doors = self._form.doors
        if path in doors:
            return doors[path], ""
        for place, door in doors.items():
            if door in ("models", "messages_models") and path.startswith(f"{place}/"):
                return door, unquote(path.removeprefix(f"{place}/"))[:_MAX_MODEL_LENGTH]
        return None, ""

    def _answer(self, door: Door, rest: str, request: SandboxRequest) -> Spelled | Sent:
        form, created = self._form, int(self._clock.now().timestamp())
        match door:
            case "models":
                if rest:
                    return spell_model(rest, form, created=created)
                return spell_models(form, created=created)
            case "messages_models":
                if rest:
                    return spell_messages_model(rest, form)
                return spell_messages_models(form)
            case _:
                read = self._read(door, request)
                if isinstance(read, Refusal):
                    return self._refuse(read, door)
                return self._complete(door, read, created=created)

    def _read(self, door: Door, request: SandboxRequest) -> Asked | Refusal:
        form, today = self._form, self._clock.now().date()
        if door == "chat":
            return read_chat(request.body, form=form, today=today)
        if door == "completions":
            return read_prompt(request.body, form=form, today=today)
        if form.takes.needs_version and "anthropic-version" not in request.headers:
            return Refusal(message="anthropic-version: header is required")
        is_count = door == "count_tokens"
        return read_messages(request.body, form=form, today=today, is_count=is_count)

    def _complete(self, door: Door, asked: Asked, *, created: int) -> Spelled | Sent:
        planned = complete(
            plan(asked.ask),
            prompt=asked.sent,
            used_ids=asked.used_ids,
            max_tokens=asked.max_tokens,
            stop=asked.stop,
            ids=self._form.gives.ids,
        )
        if door == "count_tokens":
            return spell_count(planned)
        digest = hashlib.blake2b(asked.sent.encode("utf-8", "replace"), digest_size=16)
        answering = Answering(
            asked=asked,
            gives=self._form.gives,
            response_id=digest.hexdigest(),
            created=created,
        )
        return self._misdeeds.give(
            Honest(
                completion=self._alter(planned),
                asked=asked,
                door=door,
                spell=partial(_spell_completion, door=door, answering=answering),
            )
        )

    def _refuse(self, refusal: Refusal, door: Door | None) -> Spelled:
        """Spell a refusal; a form of its own has errors of its own, whatever the provider's."""
        is_messages = door in ("messages", "count_tokens", "messages_models")
        has_own = is_messages and self._form.errors != "llamacpp"
        spelled = spell_refusal(refusal, self._form, errors="anthropic" if has_own else None)
        told = spell_headers(self._form.gives, f"refused-{len(self._received)}")
        return Spelled(
            status=spelled.status, headers={**told, **spelled.headers}, body=spelled.body
        )
