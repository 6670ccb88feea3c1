"""What belongs to another tenant does not exist, on any route that the service has."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentkit import Agent
from agentkit.service import ServedAgent, Service, Tokens, build_service
from agentkit.service.access_tokens import FileTokens
from tests.service.conftest import pay
from tests.service.rule_model import RuleModel

NAMES = {"session_id": "session", "run_id": "run", "response_id": "response", "model": "other"}
"""What the variable parts of the paths name."""

BODIES: dict[str, Any] = {
    "DecideBody": {"decisions": [{"call_id": "call00000", "verdict": "allow"}]},
    "EntryBody": {"entry_id": "ENTRY"},
    "ForkBody": {"entry_id": "ENTRY"},
    "NewTurnBody": {"prompt": "hi"},
    "SayBody": {"prompt": "hi"},
    "TitleBody": {"title": "mine"},
}
PUBLIC = ("/page/{name:path}",)
"""The files of the page, which are the same for all."""

HIDDEN = ("SECRET", "r-secret", "s-secret")


def service_of(**options: Any) -> Service:
    """Return a service."""
    agent = Agent(RuleModel(), tools=[pay])
    return build_service({"a": agent, "other": ServedAgent(Agent(RuleModel()))}, **options)


ROUTES = service_of().routes
WITH_ID = [one for one in ROUTES if "{" in one.path and one.path not in PUBLIC]


def client_of(service: Service, token: str) -> httpx.AsyncClient:
    """Return a client with a token."""
    transport = httpx.ASGITransport(app=service)
    headers = {"x-api-key": token}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


async def make(client: httpx.AsyncClient) -> dict[str, str]:
    """Make one of each thing that has an id, and return the ids."""
    run = {"agent": "a", "prompt": "SECRET", "run_id": "r-secret"}
    session = {"agent": "a", "session_id": "s-secret", "title": "SECRET"}
    made = {
        "run": (await client.post("/runs", json=run)).json()["id"],
        "session": (await client.post("/sessions", json=session)).json()["id"],
        "other": "other",
    }
    said = await client.post("/sessions/s-secret/messages", json={"prompt": "SECRET"})
    made["entry"] = said.json()["entries"][0]["id"]
    answer = await client.post("/v1/responses", json={"model": "a", "input": "SECRET"})
    made["response"] = answer.json()["id"]
    return made


def filled(route: Any, made: dict[str, str]) -> tuple[str, Any]:
    """Return the path of a route and a body, with the ids of what was made."""
    path = re.sub(
        r"{(\w+)(?::path)?}", lambda found: made[NAMES[found[1]]], route.path
    )  # fmt: skip
    if route.body is None:
        return path, None
    body = BODIES[route.body.__name__]
    return path, {
        name: made["entry"] if value == "ENTRY" else value for name, value in body.items()
    }


async def test_the_ids_of_a_tenant_are_unknown_to_others_on_each_route(tmp_path: Path) -> None:
    """With the answer that an id gets that no one has; the owner gets another one."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    own, foreign = await tokens.add(tenant="a"), await tokens.add(tenant="b", agents=["a"])
    service = service_of(auth=tokens)
    async with (
        service.open(),
        client_of(service, own) as owner,
        client_of(service, foreign) as outsider,
    ):
        made = await make(owner)
        unknown = {**made, "run": "none", "session": "none", "response": "none", "other": "none"}
        for route in WITH_ID:
            path, body = filled(route, made)
            found = await outsider.request(route.method, path, json=body)
            path, body = filled(route, unknown)
            nothing = await outsider.request(route.method, path, json=body)
            assert (found.status_code, nothing.status_code) == (404, 404), route.path
            assert shape(found.json(), made) == shape(nothing.json(), unknown), route.path
        listed = [await outsider.get(one.path) for one in ROUTES if one.method == "GET"]
        still = [(await owner.get(f"/runs/{made['run']}")).status_code]
        still += [(await owner.get(f"/sessions/{made['session']}/tree")).status_code]
        still += [(await owner.get(f"/v1/responses/{made['response']}")).status_code]

    assert len(WITH_ID) > 15
    assert still == [200, 200, 200]
    assert not any(word in one.text for one in listed for word in HIDDEN)


def shape(answer: Any, made: dict[str, str]) -> str:
    """Return an answer without the ids that were asked for."""
    text = str(answer)
    for value in made.values():
        text = text.replace(value, "ID")
    return text


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("/runs", {"agent": "a", "prompt": "x", "run_id": "n-1"}, "run_id"),
        ("/sessions", {"agent": "a", "session_id": "n-1"}, "session_id"),
    ],
    ids=["run", "session"],
)
async def test_a_name_that_another_tenant_chose_is_free(
    tmp_path: Path, path: str, body: dict[str, Any], key: str
) -> None:
    """A refusal would show that it exists; each finds its own under the name."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    service = service_of(auth=tokens)
    clients = [client_of(service, await tokens.add(tenant=name)) for name in "ab"]
    async with service.open(), clients[0], clients[1]:
        made = [await client.post(path, json=body) for client in clients]
        found = [await client.get(f"{path}/n-1") for client in clients]
        other = {"prompt": "y"} if path == "/runs" else {}
        again = await clients[0].post(path, json={**body, **other})
        bad = await clients[0].post(path, json={**body, key: "a\nb"})

    assert [one.status_code for one in made] == [201, 201]
    assert [one.json()["id"] for one in made + found] == ["n-1"] * 4
    assert again.status_code == 409
    assert bad.status_code == 400


async def test_what_a_program_named_is_found_by_its_tenant(tmp_path: Path) -> None:
    """It is not stored with a prefix, and its name is taken."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    service = service_of(auth=tokens)
    async with service.open(), client_of(service, await tokens.add(tenant="a")) as client:
        assert service.state.runs is not None
        assert service.state.sessions is not None
        await service.state.runs.start("a", "x", run_id="p-1", tenant="a")
        await service.state.sessions.create(agent="a", session_id="p-1", tenant="a")
        found = [await client.get(f"/{kind}/p-1") for kind in ("runs", "sessions")]
        again = [
            await client.post("/runs", json={"agent": "a", "prompt": "y", "run_id": "p-1"}),
            await client.post("/sessions", json={"agent": "a", "session_id": "p-1"}),
        ]

    assert [one.json()["id"] for one in found] == ["p-1", "p-1"]
    assert [one.status_code for one in again] == [409, 409]
