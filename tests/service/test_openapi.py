"""The OpenAPI document describes what is served, and nothing else."""

import re
from typing import Any

import httpx
import pytest

from agentkit import Agent
from agentkit.json_schema import JsonSchema
from agentkit.service import build_service
from tests.service.rule_model import RuleModel

SERVICE = build_service({"a": Agent(RuleModel())})
OPEN = ("/health", "/ready", "/", "/page/{name:path}")
PLACES = [(route.method, route.path) for route in SERVICE.routes]


async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the document."""
    found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


async def test_each_address_of_the_document_is_served_with_the_body_it_describes() -> None:
    """An empty body is refused by the server if the schema refuses it."""
    transport = httpx.ASGITransport(app=SERVICE)
    async with (
        SERVICE.open(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        found = await document(client)
        schemas = found["components"]["schemas"]
        for path, operations in found["paths"].items():
            for method, operation in operations.items():
                body = operation.get("requestBody")
                if body is not None:
                    name = body["content"]["application/json"]["schema"]["$ref"]
                    schema = schemas[name.rpartition("/")[2]]
                    check = JsonSchema({**schema, "components": found["components"]})
                    is_valid = not check.violations({})
                answer = await client.request(
                    method, re.sub(r"{\w+}", "x", path), json={} if body else None
                )
                assert answer.status_code not in (405, 500, 501), (method, path)
                if body is not None and not is_valid:
                    assert answer.status_code in (400, 404), (method, path)

    assert found["openapi"] == "3.1.0"
    assert len(PLACES) == sum(len(one) for one in found["paths"].values())


@pytest.mark.parametrize(("method", "path"), PLACES)
async def test_each_route_is_in_the_document(method: str, path: str) -> None:
    """With its summary, and whether it needs a token."""
    transport = httpx.ASGITransport(app=SERVICE)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        found = await document(client)

    operation = found["paths"][path.replace(":path", "")][method.lower()]
    assert operation["summary"].endswith(".")
    assert bool(operation["security"]) == (path not in OPEN)
