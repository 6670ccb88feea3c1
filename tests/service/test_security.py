"""Who is let in, from where, and with what."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from agentkit import Agent, RunContext, tool
from agentkit.errors import ConfigError
from agentkit.service import (
    Caller,
    DatabaseTokens,
    ServedAgent,
    Service,
    Tokens,
    build_service,
)
from agentkit.service.access_tokens import FileTokens, StoredTokens
from agentkit.store.open_store import open_store
from tests.service.rule_model import RuleModel

BODY = {"model": "a", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@asynccontextmanager
async def client_of(service: Service, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open a service and a client of it in this process."""
    transport = httpx.ASGITransport(app=service)
    async with (
        service.open(),
        httpx.AsyncClient(
            transport=transport, base_url="http://localhost:8000", headers=headers
        ) as client,
    ):
        yield client


def two_agents(**options: Any) -> Service:
    """Return a service."""
    model = RuleModel()
    return build_service({"a": Agent(model), "b": Agent(model)}, **options)


@pytest.fixture
async def tokens(tmp_path: Path) -> Tokens:
    """Return an empty book of tokens."""
    return Tokens(FileTokens(tmp_path / "tokens.toml"))


ROUTES = [
    ("POST", CHAT), ("POST", MESSAGES), ("POST", "/v1/messages/count_tokens"),
    ("GET", "/v1/models"), ("GET", "/v1/models/a"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_each_route_needs_a_token(tokens: Tokens, method: str, path: str) -> None:
    """In either header; a wrong one is no better than none."""
    text = await tokens.add()
    content = BODY if method == "POST" else None
    if path.endswith("count_tokens"):
        content = {name: value for name, value in BODY.items() if name != "max_tokens"}
    async with client_of(two_agents(auth=tokens)) as client:
        statuses = [
            (await client.request(method, path, json=content, headers=headers)).status_code
            for headers in (
                {},
                {"Authorization": f"Bearer {text[:-1]}x"},
                {"Authorization": f"Basic {text}"},
                {"Authorization": f"Bearer {text}"},
                {"x-api-key": text},
            )
        ]

    assert statuses == [401, 401, 401, 200, 200]


async def test_errors_have_the_form_of_the_format(tokens: Tokens) -> None:
    """Also before a body was read, and for addresses that do not exist."""
    async with client_of(two_agents(auth=tokens)) as client:
        chat = await client.post(CHAT, json=BODY)
        messages = await client.post(MESSAGES, json=BODY)
        nowhere = await client.get("/nowhere")
        method = await client.get(CHAT)

    assert chat.json()["error"]["type"] == "authentication_error"
    assert chat.headers["www-authenticate"].startswith("Bearer")
    assert (messages.json()["type"], messages.json()["error"]["type"]) == (
        "error",
        "authentication_error",
    )
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")
    assert (method.status_code, method.headers["allow"]) == (405, "POST")


async def test_health_and_readiness_need_no_token(tokens: Tokens) -> None:
    """Orchestrators have none."""
    async with client_of(two_agents(auth=tokens)) as client:
        found = [(await client.get(path)).status_code for path in ("/health", "/ready")]

    assert found == [200, 200]


async def test_an_agent_that_a_token_may_not_use_does_not_exist(tokens: Tokens) -> None:
    """In lists and by name."""
    text = await tokens.add(agents=["b"])
    async with client_of(two_agents(auth=tokens), Authorization=f"Bearer {text}") as client:
        listed = (await client.get("/v1/models")).json()["data"]
        found = [(await client.get(f"/v1/models/{name}")).status_code for name in "ab"]
        asked = await client.post(CHAT, json=BODY)

    assert [one["id"] for one in listed] == ["b"]
    assert found == [404, 200]
    assert (asked.status_code, asked.json()["error"]["code"]) == (404, "model_not_found")


async def test_agents_are_described_to_those_who_may_use_them(tokens: Tokens) -> None:
    """With their tools; no instructions are shown."""
    model = RuleModel()
    described = ServedAgent(
        Agent(model, tools=[model.wait], instructions="Secret."),
        description="Waits.",
        examples=("Wait!",),
    )
    service = build_service({"a": described, "b": Agent(model)}, auth=tokens)
    async with client_of(service, **{"x-api-key": await tokens.add(agents=["a"])}) as client:
        found = (await client.get("/agents")).json()

    assert found == {
        "agents": [
            {
                "name": "a",
                "model": "rules:model",
                "description": "Waits.",
                "examples": ["Wait!"],
                "tools": [
                    {
                        "name": "wait",
                        "title": None,
                        "description": "Wait.",
                        "annotations": {
                            "read_only_hint": True,
                            "destructive_hint": True,
                            "idempotent_hint": False,
                            "open_world_hint": True,
                        },
                        "input_schema": dict(model.wait.input_schema),
                    }
                ],
            }
        ]
    }


async def test_tokens_may_be_in_the_database(tmp_path: Path) -> None:
    """A token that is revoked meanwhile is not valid any more."""
    url = f"sqlite:{tmp_path / 'a.db'}"
    with pytest.raises(ConfigError, match="need a database"):
        two_agents(auth=DatabaseTokens)
    service = two_agents(auth=DatabaseTokens, database=url)
    async with client_of(service) as client, open_store(url) as store:
        tokens = Tokens(StoredTokens(store))
        text = await tokens.add()
        headers = {"x-api-key": text}
        first = await client.post(CHAT, json=BODY, headers=headers)
        await tokens.revoke(text[3:15])
        second = await client.post(CHAT, json=BODY, headers=headers)

    assert (first.status_code, second.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost"}, 200),
        ({"host": "127.0.0.1:1"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "evil.test"}, 421),
        ({"host": "localhost.evil.test"}, 421),
        ({"host": "localhost@evil.test"}, 421),
        ({"host": ""}, 421),
        ({"origin": "http://localhost:8000"}, 200),
        ({"origin": "http://localhost:8001"}, 403),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:8000@evil.test"}, 403),
    ],
    ids=str,
)
async def test_a_web_page_cannot_reach_a_service_without_tokens(
    headers: dict[str, str], status: int
) -> None:
    """Neither from another origin nor under another name."""
    async with client_of(two_agents()) as client:
        found = await client.post(CHAT, json=BODY, headers=headers)

    assert found.status_code == status


async def test_hosts_and_origins_can_be_allowed(tokens: Tokens) -> None:
    """With tokens, any host is allowed unless there is a list."""
    key = {"x-api-key": await tokens.add()}
    page = {"origin": "https://app.example"}
    async with client_of(two_agents(auth=tokens), **key) as client:
        anywhere = await client.post(CHAT, json=BODY, headers={"host": "api.example"})
        foreign = await client.post(CHAT, json=BODY, headers=page)
    options = {"allowed_hosts": ["api.example"], "allowed_origins": ["https://app.example"]}
    async with client_of(two_agents(auth=tokens, **options), **key) as client:
        listed = await client.post(CHAT, json=BODY, headers={"host": "api.example", **page})
        other = await client.post(CHAT, json=BODY, headers={"host": "other.example"})

    assert [one.status_code for one in (anywhere, foreign, listed, other)] == [200, 403, 200, 421]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"not JSON", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b'{"model": NaN}', "application/json", 400),
        (b'{"model": "\xff"}', "application/json", 400),
        (b" " * 1001, "application/json", 413),
    ],
    ids=["text", "a form", "no JSON", "a list", "deep", "NaN", "no UTF-8", "long"],
)
async def test_a_malformed_body_is_refused(content: bytes, kind: str, status: int) -> None:
    """Without reading more than the limit."""
    longest = 1000 if status == 413 else 100_000
    async with client_of(two_agents(max_body_bytes=longest)) as client:
        for path in (CHAT, MESSAGES):
            found = await client.post(path, content=content, headers={"content-type": kind})
            assert found.status_code == status


async def test_a_body_without_length_is_counted_as_it_comes() -> None:
    """It is not read to its end."""
    parts = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal parts
        while True:
            parts += 1
            yield b" " * 100

    async with client_of(two_agents(max_body_bytes=1000)) as client:
        headers = {"content-type": "application/json"}
        found = await client.post(CHAT, content=endless(), headers=headers)

    assert found.status_code == 413
    assert parts < 20


async def test_a_service_can_be_mounted() -> None:
    """In an application whose lifespan opens it; its addresses are below the mount."""
    service = two_agents()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with service.open():
            yield

    app = Starlette(routes=[Mount("/agents", service)], lifespan=lifespan)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://localhost"
        ) as client,
    ):
        answer = await client.post(f"/agents{CHAT}", json=BODY)
        error = await client.post(f"/agents{MESSAGES}", json={**BODY, "model": "x"})
        nowhere = await client.post(CHAT, json=BODY)

    assert answer.json()["choices"][0]["message"]["content"] == "You said: hi"
    assert (error.status_code, error.json()["type"]) == (404, "error")
    assert nowhere.status_code == 404


async def test_deps_are_made_for_the_caller(tokens: Tokens) -> None:
    """An agent with a `deps_type` is not served without a function for them."""

    @tool(read_only=True, name="add")
    async def tenant_of(context: RunContext[str], a: int, b: int) -> str:
        """Return the tenant."""
        return f"{context.deps} {a + b}"

    async def deps_of(caller: Caller) -> str:
        return caller.tenant

    agent = Agent(RuleModel(), tools=[tenant_of], deps_type=str)
    with pytest.raises(ConfigError, match="deps"):
        build_service({"a": agent})
    service = build_service({"a": ServedAgent(agent, deps=deps_of)}, auth=tokens)
    asked = {**BODY, "messages": [{"role": "user", "content": "call add"}]}
    async with client_of(service, **{"x-api-key": await tokens.add(tenant="acme")}) as client:
        found = await client.post(CHAT, json=asked)

    assert "The result is acme 3." in found.text


async def test_errors_of_the_configuration_are_not_shown() -> None:
    """They are in the log."""

    def broken(caller: Caller) -> str:
        raise ConfigError(f"secret of {caller.tenant}")

    agent = ServedAgent(Agent(RuleModel(), deps_type=str), deps=broken)
    async with client_of(build_service({"a": agent})) as client:
        found = await client.post(CHAT, json=BODY)

    assert found.status_code == 500
    assert "secret" not in found.text


@pytest.mark.parametrize("names", [{}, {"": 1}, {"a/b": 1}, {"a\n": 1}], ids=repr)
def test_agents_need_names(names: dict[str, int]) -> None:
    """They are part of addresses."""
    with pytest.raises(ConfigError):
        build_service({name: Agent(RuleModel()) for name in names})


def test_an_unknown_option_is_refused() -> None:
    """By name."""
    with pytest.raises(TypeError, match="max_boby"):
        two_agents(max_boby=1)
