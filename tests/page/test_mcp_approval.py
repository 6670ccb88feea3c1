"""An approval of a tool of an MCP server: its arguments are edited by its own JSON Schema."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from anyio.from_thread import start_blocking_portal
from mcp.server import Server, ServerRequestContext

from agentkit import Agent
from agentkit.mcp import MCPToolset
from agentkit.service import build_service
from agentkit.service.uvicorn_server import open_port
from agentkit.tools.rules import ask, named
from tests.page.browser import Tab
from tests.page.page_model import PageModel

SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {"Floor": {"enum": [1, 2, 3], "description": "The number of the floor."}},
    "properties": {
        "floor": {"$ref": "#/$defs/Floor"},
        "note": {"type": ["string", "null"]},
        "size": {"anyOf": [{"type": "string", "enum": ["small", "large"]}, {"type": "null"}]},
        "seats": {"type": "integer", "minimum": 1},
        "extras": {"type": "array", "items": {"type": "string"}},
        "quiet": {"type": "boolean"},
        "loop": {"$ref": "#/properties/loop"},
    },
    "required": ["floor", "seats"],
}
BOOK = types.Tool(name="book_table", title="Book a table", input_schema=SCHEMA)


async def _list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001 - as the SDK calls it
    return types.ListToolsResult(tools=[BOOK])


async def _call_tool(
    _: ServerRequestContext, params: types.CallToolRequestParams
) -> types.CallToolResult:
    text = json.dumps(params.arguments, sort_keys=True)
    return types.CallToolResult(content=[types.TextContent(text=text)])


@pytest.fixture(scope="module")
def url(model: PageModel) -> Iterator[str]:
    """Serve an agent with the tool of an MCP server, which needs approval by the agent's rule."""
    server: Server[Any] = Server("tables", on_list_tools=_list_tools, on_call_tool=_call_tool)
    rule = ask(named("book_table"))
    agent = Agent(model, tools=[MCPToolset.in_memory(server)], approve=rule, name="desk")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(
            open_port(build_service({"desk": agent}), port=0)
        ) as running,
    ):
        yield f"{running.url}/"


def test_arguments_are_fields_by_the_schema_of_the_server(tab: Tab, axe: Path) -> None:
    """References, values that may be null, numbers to choose from, lists; what is wrong is said."""
    page = tab.page
    tab.sees("Tools: book_table")
    tab.ask("Book a table")
    card = page.locator(".approval")
    shown = card.inner_text()
    card.get_by_role("button", name="Edit arguments").click()
    card.get_by_label("floor").select_option("3")
    card.get_by_label("note").fill("Terrace")
    card.get_by_label("size").select_option("large")
    card.get_by_label("quiet").check()
    card.get_by_label("seats").fill("0")
    card.get_by_label("extras").fill('["screen", ')
    card.get_by_text("This is not JSON.").wait_for()
    wrong = card.inner_text()
    assert tab.violations(axe) == []
    approve = card.get_by_role("button", name="Approve with changes")
    assert approve.is_disabled()
    card.get_by_label("seats").fill("6")
    card.get_by_label("extras").fill('["screen", "board"]')
    page.wait_for_timeout(400)  # the first moments of a card count for nothing
    approve.click()
    tab.sees_answer("Done:")

    assert "Approval needed: Book a table" in shown
    assert "may change something that cannot be undone" in shown
    assert "The number of the floor." in wrong
    assert "At least 1." in wrong
    assert "This is not JSON." in wrong
    done = page.locator(".answer .prose").last.inner_text()
    assert json.loads(done[done.rindex("{") :]) == {
        "extras": ["screen", "board"],
        "floor": 3,
        "note": "Terrace",
        "quiet": True,
        "seats": 6,
        "size": "large",
    }
