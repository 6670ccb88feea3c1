"""The names that the programs of this folder used when they were written, and today's.

In:  nothing.
Out: `REPLACEMENTS`; `apply` for an original, `undo` for a copy.

A row replaces text everywhere in every program. The rows are applied in this order and undone in
the reverse order. Only imports, names and call forms are replaced: with the table undone, each copy
is byte for byte its original, whose digest is in `originals.sha256`.
"""

REPLACEMENTS: tuple[tuple[str, str], ...] = (
    ("from agentkit.mcp.client import", "from agentkit.mcp import"),
    ("from agentkit.tool import rules", "from agentkit.tools import rules"),
    ("rules.ask_for(", "rules.ask("),
    ("call_seconds=", "call_timeout_seconds="),
    # A server that does not start fails the run unless it is not required.
    ('{H.port}/mcp")', '{H.port}/mcp", required=False)'),
    ("ToolError, ToolResult, event_to_json, tool", "ToolError, ToolResult, tool"),
    ("async for event in stream:", "async for event in stream.records():"),
    ("event_to_json(event)", "event.to_json()"),
    ("from agentkit.agent.start import", "from agentkit.agent.options import"),
    ("run(result.history, approvals=", "run(history=result.history, approvals="),
    ("options=AgentOptions(clock=clock)", "clock=clock"),
    ("agentkit.model.host import HostModel", "agentkit.model.provider_model import ProviderModel"),
    ("HostModel(", "ProviderModel("),
    ("from agentkit.transport.open import", "from agentkit.transport.open_transport import"),
    ("agentkit.transport.settings import", "agentkit.transport.http_settings import"),
    ('AssistantMessage.of("", tool_call(', "(tool_call("),
    ('(tool_call("pay", {"n": 1}, call_id="call00001")', '(tool_call("pay", n=1)'),
    ('(tool_call("pay", {"n": 2}, call_id="call00002")', '(tool_call("pay", n=2)'),
    ("(tool_call(name, {}))", "(tool_call(name))"),
    ("(tool_call(one.name, {}))", "(tool_call(one.name))"),
    ('(tool_call("key", {}))', '(tool_call("key"))'),
    ('tool_call(name, {}, call_id=f"call{n:05d}") for n, name', "tool_call(name) for n, name"),
    ('(tool_call(name, {"path"', '(tool_call(name, **{"path"'),
    ('(tool_call("look", {', '(tool_call("look", **{'),
    ('(tool_call("add", {', '(tool_call("add", **{'),
    ('(tool_call("read", {', '(tool_call("read", **{'),
    ('(tool_call("final_answer", {', '(tool_call("final_answer", **{'),
    ('(tool_call("final_answer", arguments', '(tool_call("final_answer", **arguments'),
    (
        "import Agent, AssistantMessage, Budget, ModelResponse",
        "import Agent, AssistantMessage, Budget\nfrom agentkit.model import ModelResponse",
    ),
    (
        "AssistantMessage, ToolCall, ToolsetReported",
        "AssistantMessage, ToolCall\nfrom agentkit.event import ToolsetReported",
    ),
    ("from agentkit import ToolDefinitionError", "from agentkit.errors import ToolDefinitionError"),
    (
        "import Agent, AssistantMessage, ToolDefinitionError, tool",
        "import Agent, AssistantMessage, tool\nfrom agentkit.errors import ToolDefinitionError",
    ),
    ('AssistantMessage.of("", *calls)', "AssistantMessage(tool_calls=calls)"),
    ('AssistantMessage.of("", call)', "AssistantMessage(tool_calls=[call])"),
    ('AssistantMessage.of("closing answer")', 'AssistantMessage("closing answer")'),
    ("await ts.list_tools()", "await ts.list_tools(())"),
    ("await t.list_tools()", "await t.list_tools(())"),
)


def apply(text: str) -> str:
    """Return an original with today's names."""
    for old, new in REPLACEMENTS:
        text = text.replace(old, new)
    return text


def undo(text: str) -> str:
    """Return a copy with the names of its original."""
    for old, new in reversed(REPLACEMENTS):
        text = text.replace(new, old)
    return text
