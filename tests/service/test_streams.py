"""Streams begin, stay alive and end as they should; a client that leaves stops its run."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from agentkit import Agent
from agentkit.errors import ConfigError
from agentkit.service import ServedAgent, build_service, open_port
from agentkit.service.service import Service
from tests.service.rule_model import RuleModel
from tests.shared_tls import TLS

LONG = 60


def body(text: str, *, stream: bool, **fields: Any) -> dict[str, Any]:
    """Return a request of one message."""
    messages = [{"role": "user", "content": text}]
    return {"model": "helper", "messages": messages, "stream": stream, "max_tokens": 9, **fields}


@contextmanager
def waiting(model: RuleModel) -> Iterator[RuleModel]:
    """Reset what the model noted, and let nothing wait for ever."""
    model.has_begun.clear()
    model.has_left.clear()
    model.release.clear()
    try:
        yield model
    finally:
        model.release.set()


async def happens(event: threading.Event) -> None:
    """Wait for an event of another thread."""
    with anyio.fail_after(LONG):
        while not event.is_set():  # noqa: ASYNC110  # set by another thread
            await anyio.sleep(0.005)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("text", ["silent", "call wait"], ids=["silent model", "silent tool"])
async def test_a_client_that_leaves_stops_its_run(
    server_url: str, model: RuleModel, path: str, stream: bool, text: str
) -> None:
    """Although nothing is sent that could fail; on each server."""
    content = body(text, stream=stream)
    if path == "/v1/responses":
        content = {"model": "helper", "input": text, "stream": stream}
    with waiting(model):
        async with httpx.AsyncClient(verify=TLS) as client, anyio.create_task_group() as tasks:
            request = client.build_request("POST", f"{server_url}{path}", json=content)

            async def ask() -> None:
                await client.send(request)

            tasks.start_soon(ask)
            await happens(model.has_begun)
            tasks.cancel_scope.cancel()

        await happens(model.has_left)


@pytest.mark.parametrize(
    ("path", "ping"),
    [("/v1/chat/completions", ": ping"), ("/v1/messages", "event: ping")],
    ids=["chat", "messages"],
)
async def test_a_quiet_stream_begins_in_time_and_is_kept_alive(
    url: str, model: RuleModel, path: str, ping: str
) -> None:
    """The answer follows when it is there."""
    with waiting(model):
        async with (
            httpx.AsyncClient(timeout=LONG, verify=TLS) as client,
            client.stream("POST", f"{url}{path}", json=body("silent", stream=True)) as answer,
        ):
            lines = list[str]()
            async for line in answer.aiter_lines():
                lines.append(line)
                if lines.count(ping) == 2:
                    model.release.set()

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert text_of(lines) == "You said: silent"


def text_of(lines: list[str]) -> str:
    """Return the text in a stream of either format."""
    events = [
        json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")
    ]
    deltas = [one["delta"] for one in events if "delta" in one]
    deltas += [choice["delta"] for one in events for choice in one.get("choices", ())]
    return "".join(delta.get("text") or delta.get("content") or "" for delta in deltas)


async def test_a_failure_after_a_ping_is_the_last_event(url: str, model: RuleModel) -> None:
    """The status was sent already."""
    with waiting(model):
        async with (
            httpx.AsyncClient(timeout=LONG, verify=TLS) as client,
            client.stream(
                "POST",
                f"{url}/v1/chat/completions",
                json=body("silent", stream=True, response_format=schema()),
            ) as answer,
        ):
            model.release.set()
            lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]

    assert answer.status_code == 200
    assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "invalid_output"


def schema() -> dict[str, Any]:
    """Return a format that the model does not keep to."""
    wanted = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": wanted}}


def small(model: RuleModel, **fields: Any) -> Service:
    """Return a service of one agent."""
    return build_service({"helper": ServedAgent(Agent(model), **fields)})


async def test_a_run_may_go_on_without_its_client() -> None:
    """With `on_disconnect="finish"`."""
    model = RuleModel()
    with waiting(model):
        async with open_port(small(model, on_disconnect="finish"), port=0) as running:
            async with httpx.AsyncClient(verify=TLS) as client, anyio.create_task_group() as tasks:
                address = f"{running.url}/v1/chat/completions"
                tasks.start_soon(post, client, address, body("silent", stream=True))
                await happens(model.has_begun)
                tasks.cancel_scope.cancel()
            model.release.set()
            await running.drain(LONG)

    assert not model.has_left.is_set()


async def post(client: httpx.AsyncClient, address: str, content: Any) -> httpx.Response:
    """Send a request."""
    return await client.post(address, json=content, timeout=LONG)


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
async def test_what_is_under_way_may_end_while_the_service_stops(stream: bool) -> None:
    """Nothing new begins, and `/ready` says so at once."""
    model = RuleModel()
    answers: list[httpx.Response] = []
    with waiting(model):
        async with (
            open_port(small(model), port=0) as running,
            httpx.AsyncClient(verify=TLS) as client,
            anyio.create_task_group() as tasks,
        ):
            address = f"{running.url}/v1/chat/completions"

            async def ask() -> None:
                answers.append(await post(client, address, body("silent", stream=stream)))

            tasks.start_soon(ask)
            await happens(model.has_begun)
            tasks.start_soon(running.drain, LONG)
            await anyio.lowlevel.checkpoint()
            ready = await client.get(f"{running.url}/ready")
            health = await client.get(f"{running.url}/health")
            refused = await post(client, address, body("hi", stream=stream))
            model.release.set()

    assert (ready.status_code, health.status_code, refused.status_code) == (503, 200, 503)
    assert refused.headers["retry-after"]
    if stream:
        assert text_of(answers[0].text.splitlines()) == "You said: silent"
    else:
        assert answers[0].json()["choices"][0]["message"]["content"] == "You said: silent"


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
async def test_what_does_not_end_in_time_is_cancelled_with_an_error(stream: bool) -> None:
    """A status, or the last event of a stream that has begun."""
    model = RuleModel()
    answers: list[httpx.Response] = []
    with waiting(model):
        service = build_service({"helper": Agent(model)}, first_byte_seconds=0.01)
        async with (
            open_port(service, port=0) as running,
            httpx.AsyncClient(verify=TLS) as client,
            anyio.create_task_group() as tasks,
        ):
            headers_arrived = anyio.Event()

            async def ask() -> None:
                address = f"{running.url}/v1/chat/completions"
                content = body("silent", stream=stream)
                async with client.stream("POST", address, json=content, timeout=LONG) as answer:
                    headers_arrived.set()
                    await answer.aread()
                answers.append(answer)

            tasks.start_soon(ask)
            await happens(model.has_begun)
            if stream:
                await headers_arrived.wait()
            await running.drain(0)

    assert model.has_left.is_set()
    assert answers[0].status_code == (200 if stream else 503)
    assert "shutting_down" in answers[0].text


async def test_a_service_without_tokens_listens_on_this_machine_only() -> None:
    """And on one port once."""
    with pytest.raises(ConfigError, match="agentkit tokens add"):
        async with open_port(small(RuleModel()), host="0.0.0.0", port=0):  # noqa: S104 - refused
            pass
    async with open_port(small(RuleModel()), port=0) as running:
        port = int(running.url.rpartition(":")[2])
        with pytest.raises(ConfigError, match="Cannot listen"):
            async with open_port(small(RuleModel()), port=port):
                pass
