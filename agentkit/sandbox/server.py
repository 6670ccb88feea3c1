"""The sandbox: a provider on loopback that needs no key and is not a language model.

In:  requests over HTTP, in the format of the provider that it imitates.
Out: answers by plain rules (`planner`), rejections by the rules of that provider and of Mixtral.

A request goes through four steps, each a value: it is read (`CompletionRequest`), planned and
completed (`Completion`), encoded in the provider's format (`EncodedResponse`), and turned into
bytes (`Reply`).
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
from agentkit.sandbox.faults.byte_faults import SentReply
from agentkit.sandbox.faults.injector import (
    CorrectAnswer,
    FaultInjector,
    Faults,
    SandboxAnswer,
    as_plan,
)
from agentkit.sandbox.http_server import HttpRequest, Reply, ServerLimits, serve
from agentkit.sandbox.planner.planner import plan
from agentkit.sandbox.wire.chat_request import read_chat
from agentkit.sandbox.wire.chat_response import ResponseContext, encode_chat, encode_headers
from agentkit.sandbox.wire.completion import Completion, CompletionRequest
from agentkit.sandbox.wire.encoded_response import EncodedResponse, as_reply
from agentkit.sandbox.wire.finalize import complete
from agentkit.sandbox.wire.key_check import check_key
from agentkit.sandbox.wire.messages_request import read_messages
from agentkit.sandbox.wire.messages_response import encode_count, encode_messages
from agentkit.sandbox.wire.models_endpoint import (
    encode_messages_model_list,
    encode_model_list,
    encode_one_messages_model,
    encode_one_model,
)
from agentkit.sandbox.wire.prompt_completion import encode_prompt, read_prompt
from agentkit.sandbox.wire.prompt_markers import CALLS, as_text
from agentkit.sandbox.wire.provider_format import Endpoint, ProviderFormat
from agentkit.sandbox.wire.providers import find_provider_format
from agentkit.sandbox.wire.rejection import Rejection, encode_rejection
from agentkit.value import dataclass

AlterCompletion: TypeAlias = Callable[[Completion], Completion]
"""Changes an answer that was planned, before it is encoded in the provider's format."""

_API_KEY = "sandbox-key"
_MAX_MODEL_LENGTH = 200
_ANSWER_PATHS = frozenset({"/chat/completions", "/messages", "/v1/messages", "/completions"})


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
    """A request and the response to it.

    Attributes:
        status: of the response; None if what was sent is not HTTP.
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
        api_key: the key that it accepts; None if it needs none.
        requests: everything that was received, oldest first, rejected requests too.
        answers: each answer that was sent, oldest first, with its fault, if it had one.
    """

    base_url: str
    model: str = "sandbox:mixtral-8x22b"
    api_key: str | None = None
    requests: list[SandboxRequest] = field(default_factory=list)
    answers: list[SandboxAnswer] = field(default_factory=list)

    @property
    def chats(self) -> list[JsonValue]:
        """Return the bodies of the requests for an answer, in any format, oldest first."""
        return [r.json() for r in self.requests if r.method == "POST" and r.path in _ANSWER_PATHS]


@asynccontextmanager
async def sandbox(  # noqa: PLR0913 - what users write; each is a word of its own
    model: str = "mixtral-8x22b",
    *,
    provider: str = "sandbox",
    api_key: str = _API_KEY,
    alter: AlterCompletion | None = None,
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
        provider: the provider in the catalog whose format, errors and strictness it imitates.
        api_key: the key that it accepts, if that provider needs one.
        alter: changes each answer before it is encoded, e.g. to break one call.
        faults: the faults to inject: `"all"`, names of `FAULTS`, or a `FaultPlan`.
        clock: what `created` and "today" follow.
        limits: limits of the HTTP server.
        port: the port to listen on; 0 for any free one.
        listener: called with each exchange, before its response is sent.

    Raises:
        ConfigError: the catalog has no such provider, there is no such fault, or the port cannot
            be used.
    """
    form = find_provider_format(provider, model=model)
    injector = FaultInjector(as_plan(faults))
    received: list[SandboxRequest] = []
    key = api_key if form.request.key_locations else None
    answers = _Provider(
        form=form,
        api_key=key,
        alter=alter or _unaltered,
        injector=injector,
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
            answers=injector.answers,
        )


@asynccontextmanager
async def launch(model: str) -> AsyncIterator[str]:
    """Run a sandbox for `model` and yield its base URL; the catalog names this function."""
    async with sandbox(model) as running:
        yield running.base_url


def _unaltered(completion: Completion) -> Completion:
    return completion


def _encode(
    completion: Completion, *, endpoint: Endpoint, context: ResponseContext
) -> EncodedResponse:
    request = context.request
    if request.call_format != "native":
        marker = CALLS if request.call_format == "marked_text" else ""
        completion = as_text(completion, marker=marker, prefix=request.text_prefix)
    if endpoint == "messages":
        return encode_messages(completion, context)
    if endpoint == "completions":
        return encode_prompt(completion, context)
    return encode_chat(completion, context)


class _Provider:
    """Answers requests; keeps nothing between them but a record of what it received."""

    def __init__(
        self,
        *,
        form: ProviderFormat,
        api_key: str | None,
        alter: AlterCompletion,
        injector: FaultInjector,
        clock: Clock,
        received: list[SandboxRequest],
        listener: ExchangeListener | None,
    ) -> None:
        self._form = form
        self._api_key = api_key
        self._alter = alter
        self._injector = injector
        self._clock = clock
        self._received = received
        self._listener = listener

    async def answer(self, request: HttpRequest) -> SentReply:
        """Answer one request."""
        seen = SandboxRequest(
            method=request.method,
            path=request.path.removeprefix(self._form.base_path),
            headers=request.headers,
            body=request.body,
        )
        self._received.append(seen)
        response = self._respond(seen, request.path)
        is_answer = not isinstance(response, EncodedResponse)
        sent = as_reply(response) if isinstance(response, EncodedResponse) else response
        if self._listener is not None:
            self._listener(
                SandboxExchange(
                    request=seen,
                    status=sent.status if isinstance(sent, Reply) else None,
                    fault=self._injector.answers[-1].fault if is_answer else None,
                )
            )
        return sent

    def _respond(self, request: SandboxRequest, path: str) -> EncodedResponse | SentReply:
        """Find the endpoint of a request, check method and key, and answer it."""
        form = self._form
        is_below = path.startswith(f"{form.base_path}/")
        endpoint, model = self._find_endpoint(request.path) if is_below else (None, "")
        if endpoint is None:
            paths = ", ".join(f"{form.base_path}{one}" for one in form.endpoints)
            message = f"There is no {path} here, only {paths}."
            return self._reject(Rejection(message=message, kind="path", type="not_found"), None)
        method = "GET" if endpoint in ("models", "messages_models") else "POST"
        if request.method != method:
            rejection = Rejection(
                message=f"{path} takes {method}, not {request.method}.",
                type="method_not_allowed",
                status=405,
                headers={"allow": method},
            )
            return self._reject(rejection, endpoint)
        rejected = check_key(request.headers, request.body, form=form, key=self._api_key)
        if rejected is not None:
            return self._reject(rejected, endpoint)
        if method == "GET":
            return self._list_models(endpoint, model)
        return self._answer(endpoint, request)

    def _find_endpoint(self, path: str) -> tuple[Endpoint | None, str]:
        """Return the endpoint at `path`, with the model's name if the path is that of one model."""
        endpoints = self._form.endpoints
        if path in endpoints:
            return endpoints[path], ""
        for prefix, endpoint in endpoints.items():
            if endpoint in ("models", "messages_models") and path.startswith(f"{prefix}/"):
                return endpoint, unquote(path.removeprefix(f"{prefix}/"))[:_MAX_MODEL_LENGTH]
        return None, ""

    def _list_models(self, endpoint: Endpoint, model: str) -> EncodedResponse:
        """Return all models, or the one that is named."""
        form = self._form
        if endpoint == "messages_models":
            if model:
                return encode_one_messages_model(model, form)
            return encode_messages_model_list(form)
        if model:
            return encode_one_model(model, form, created=self._created)
        return encode_model_list(form, created=self._created)

    @property
    def _created(self) -> int:
        return int(self._clock.now().timestamp())

    def _answer(self, endpoint: Endpoint, request: SandboxRequest) -> EncodedResponse | SentReply:
        read = self._read(endpoint, request)
        if isinstance(read, Rejection):
            return self._reject(read, endpoint)
        planned = complete(
            plan(read.plan),
            prompt=read.sent,
            used_ids=read.used_ids,
            max_tokens=read.max_tokens,
            stop=read.stop,
            ids=self._form.response.call_ids,
        )
        if endpoint == "count_tokens":
            return encode_count(planned)
        digest = hashlib.blake2b(read.sent.encode("utf-8", "replace"), digest_size=16)
        context = ResponseContext(
            request=read,
            quirks=self._form.response,
            response_id=digest.hexdigest(),
            created=self._created,
        )
        return self._injector.send(
            CorrectAnswer(
                completion=self._alter(planned),
                request=read,
                endpoint=endpoint,
                encode=partial(_encode, endpoint=endpoint, context=context),
            )
        )

    def _read(self, endpoint: Endpoint, request: SandboxRequest) -> CompletionRequest | Rejection:
        form, today = self._form, self._clock.now().date()
        if endpoint == "chat":
            return read_chat(request.body, form=form, today=today)
        if endpoint == "completions":
            return read_prompt(request.body, form=form, today=today)
        if form.request.requires_version and "anthropic-version" not in request.headers:
            return Rejection(message="anthropic-version: header is required")
        is_count = endpoint == "count_tokens"
        return read_messages(request.body, form=form, today=today, is_count=is_count)

    def _reject(self, rejection: Rejection, endpoint: Endpoint | None) -> EncodedResponse:
        """Encode a rejection; the messages format has errors of its own, but not on llama.cpp."""
        is_messages = endpoint in ("messages", "count_tokens", "messages_models")
        has_own = is_messages and self._form.errors != "llamacpp"
        encoded = encode_rejection(rejection, self._form, errors="anthropic" if has_own else None)
        headers = encode_headers(self._form.response, f"rejected-{len(self._received)}")
        return EncodedResponse(
            status=encoded.status, headers={**headers, **encoded.headers}, body=encoded.body
        )
