"""Conversations over HTTP: talk, edit, retry, fork, search; by their tenant only."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from agentkit import Agent
from agentkit.service import Tokens, build_service
from agentkit.service.access_tokens import FileTokens
from tests.service.conftest import add, pay
from tests.service.rule_model import RuleModel


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Open a service and return a client of it."""
    model = RuleModel()
    service = build_service({"a": Agent(model, tools=[add, pay]), "b": Agent(model)}, **options)
    transport = httpx.ASGITransport(app=service)
    async with (
        service.open(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


async def created(client: httpx.AsyncClient, **fields: Any) -> str:
    """Create a conversation and return its address."""
    answer = await client.post("/sessions", json={"agent": "a", **fields})
    assert answer.status_code == 201, answer.text
    return f"/sessions/{answer.json()['id']}"


async def say(client: httpx.AsyncClient, chat: str, **fields: Any) -> dict[str, Any]:
    """Say something and return the conversation."""
    answer = await client.post(f"{chat}/messages", json=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def roles(chat: dict[str, Any]) -> list[str]:
    """Return who said what there is."""
    return [entry["message"]["role"] for entry in chat["entries"]]


async def test_a_conversation_goes_on_and_has_branches() -> None:
    """An edit and a retry are branches, a fork is a conversation of its own."""
    async with serving() as client:
        chat = await created(client, title="Sums")
        first = await say(client, chat, prompt="call add")
        asked = first["entries"][0]["id"]
        edited = await say(client, chat, prompt="hello", replaces=asked)
        retried = await say(client, chat, replaces=edited["entries"][0]["id"])
        tree = (await client.get(f"{chat}/tree")).json()
        selected = await client.post(f"{chat}/select", json={"entry_id": asked})
        forked = await client.post(f"{chat}/fork", json={"title": "Other"})
        copy = (await client.get(f"/sessions/{forked.json()['id']}")).json()

    assert roles(first) == ["user", "assistant", "tool", "assistant"]
    assert (first["text"], first["stop_reason"]) == ("The result is 3.", "answered")
    assert edited["text"] == retried["text"] == "You said: hello"
    assert len(tree["entries"]) == 8
    assert roles(selected.json()) == roles(first) == roles(copy)
    assert copy["title"] == "Other"


async def test_two_who_go_to_branches_at_once_both_may() -> None:
    """The request names no version, so none is refused for what the other did."""
    statuses = []
    async with serving() as client:
        chat = await created(client)
        first = await say(client, chat, prompt="hello")
        await say(client, chat, prompt="hi", replaces=first["entries"][0]["id"])

        async def select() -> None:
            fields = {"entry_id": first["entries"][0]["id"]}
            statuses.append((await client.post(f"{chat}/select", json=fields)).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(select)

    assert statuses == [200, 200, 200]


async def test_a_turn_is_streamed_with_the_conversation_at_its_end() -> None:
    """As events of the run."""
    async with serving() as client:
        chat = await created(client)
        answer = await client.post(f"{chat}/messages", json={"prompt": "hi", "stream": True})
        stored = (await client.get(chat)).json()

    *parts, last = answer.text.strip().split("\n\n")
    kinds = [json.loads(part.partition("data: ")[2])["event"]["type"] for part in parts[1:]]
    done = json.loads(last.partition("data: ")[2])
    assert parts[0] == "retry: 2000"
    assert (kinds[0], kinds[-1]) == ("run_started", "run_finished")
    assert last.startswith("event: done\n")
    assert done["text"] == "You said: hi"
    assert done["entries"] == stored["entries"]


async def test_a_failure_is_a_status_or_the_last_event_and_the_turn_is_stored() -> None:
    """The conversation can go on."""
    async with serving() as client:
        chat = await created(client)
        failed = await client.post(f"{chat}/messages", json={"prompt": "fail server"})
        streamed = await client.post(
            f"{chat}/messages", json={"prompt": "fail server", "stream": True}
        )
        after = await say(client, chat, prompt="hi")

    assert failed.status_code == 502
    assert "event: error" in streamed.text
    assert after["text"] == "You said: hi"


async def test_a_call_that_needs_approval_is_decided_in_the_conversation() -> None:
    """It is open until then."""
    async with serving() as client:
        chat = await created(client)
        waiting = await say(client, chat, prompt="call pay")
        [call] = waiting["open_calls"]
        decision = {"call_id": call["id"], "verdict": "deny", "reason": "No."}
        early = await client.post(f"{chat}/messages", json={"prompt": "hi"})
        done = await say(client, chat, decisions=[decision])

    assert waiting["stop_reason"] == "suspended"
    assert early.status_code == 400
    assert done["open_calls"] == []
    assert "The reason given: No." in done["text"]


async def test_conversations_are_listed_found_renamed_and_deleted() -> None:
    """Last used first."""
    async with serving() as client:
        first, second = await created(client), await created(client, session_id="two")
        await say(client, first, prompt="apples and pears")
        listed = (await client.get("/sessions?limit=1")).json()
        rest = (await client.get(f"/sessions?after={listed['next']}")).json()
        hits = (await client.get("/sessions/search?q=apples")).json()["hits"]
        renamed = (await client.patch(second, json={"title": "Two"})).json()
        again = await client.post("/sessions", json={"agent": "a", "session_id": "two"})
        gone = [(await client.delete(second)).status_code, (await client.get(second)).status_code]

    assert [f"/sessions/{one['id']}" for one in listed["sessions"]] == [first]
    assert [one["id"] for one in rest["sessions"]] == ["two"]
    assert {f"/sessions/{hit['session_id']}" for hit in hits} == {first}
    assert (renamed["title"], again.status_code) == ("Two", 409)
    assert gone == [204, 404]


async def test_conversations_of_another_tenant_do_not_exist(tmp_path: Path) -> None:
    """On every route; they are kept in the database."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    own, foreign = await tokens.add(tenant="a"), await tokens.add(tenant="b")
    narrow = await tokens.add(tenant="a", agents=["b"])
    options: dict[str, Any] = {"auth": tokens, "database": f"sqlite:{tmp_path / 'a.db'}"}
    async with serving(**options) as client:
        client.headers["x-api-key"] = own
        chat = await created(client)
        await say(client, chat, prompt="apples")
    async with serving(**options) as client:
        client.headers["x-api-key"] = own
        kept = (await client.get(chat)).json()
        entry = kept["entries"][0]["id"]
        statuses = set()
        for token in (foreign, narrow):
            client.headers["x-api-key"] = token
            for method, path, content in (
                ("GET", "", None), ("GET", "/tree", None), ("DELETE", "", None),
                ("PATCH", "", {"title": "x"}), ("POST", "/messages", {"prompt": "x"}),
                ("POST", "/select", {"entry_id": entry}), ("POST", "/fork", {}),
            ):  # fmt: skip
                answer = await client.request(method, chat + path, json=content)
                statuses.add(answer.status_code)
            assert (await client.get("/sessions")).json()["sessions"] == []
            assert (await client.get("/sessions/search?q=apples")).json()["hits"] == []

    assert roles(kept) == ["user", "assistant"]
    assert statuses == {404}
