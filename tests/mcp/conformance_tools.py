"""The tools that the official conformance suite asks of a server, made with agentkit alone.

Their names, questions and answers are the suite's: they are in its scenarios' descriptions.
"""

import anyio
import mcp_types as types

from agentkit import EmbeddedResource, ImageContent, RunContext, TextContent, Tool, ToolError, tool
from agentkit.content import AudioContent, ContentBlock
from agentkit.json_schema import JsonObject, JsonValue
from agentkit.mcp.server.mcp_server import ClientContext, client_of

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
    "gg=="
)
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="


def _caller(context: RunContext[None]) -> ClientContext:
    client = client_of(context)
    assert client is not None
    return client


def form(required: bool = True, **properties: JsonValue) -> JsonObject:
    """Return the schema of a form."""
    schema: JsonObject = {"type": "object", "properties": properties}
    return {**schema, "required": list(properties)} if required else schema


NAME = form(name={"type": "string"})


@tool
def test_simple_text() -> str:
    """Return simple text."""
    return "This is a simple text response for testing."


@tool
def test_image_content() -> list[ContentBlock]:
    """Return an image."""
    return [ImageContent(data=PNG, mime_type="image/png")]


@tool
def test_audio_content() -> list[ContentBlock]:
    """Return audio."""
    return [AudioContent(data=WAV, mime_type="audio/wav")]


@tool
def test_embedded_resource() -> list[ContentBlock]:
    """Return an embedded resource."""
    return [
        EmbeddedResource(
            uri="test://embedded-resource",
            mime_type="text/plain",
            text="This is an embedded resource content.",
        )
    ]


@tool
def test_multiple_content_types() -> list[ContentBlock]:
    """Return text, an image and a resource."""
    return [
        TextContent("Multiple content types test:"),
        ImageContent(data=PNG, mime_type="image/png"),
        EmbeddedResource(
            uri="test://mixed-content-resource",
            mime_type="application/json",
            text='{"test":"data","value":123}',
        ),
    ]


@tool
async def test_tool_with_logging(context: RunContext[None]) -> str:
    """Log three messages."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await _caller(context).log("info", line)
        await anyio.sleep(0.05)
    return "Logged three lines."


@tool
async def test_logging_tool(context: RunContext[None]) -> str:
    """Log a message, for clients that asked for its level."""
    await _caller(context).log("info", "A line.")
    return "Logged a line."


@tool
def test_error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


@tool
async def test_tool_with_progress(context: RunContext[None]) -> str:
    """Report progress."""
    for done in (0, 50, 100):
        await context.report_progress(done, 100)
        await anyio.sleep(0.05)
    return "Reported progress."


@tool
async def test_sampling(context: RunContext[None], prompt: str) -> str:
    """Request a completion of the client's model."""
    answer = await _caller(context).sample(prompt, max_tokens=100)
    return f"LLM response: {answer.text}"


@tool
async def test_elicitation(context: RunContext[None], message: str) -> str:
    """Request input from the user at the client."""
    answer = await _caller(context).elicit(
        message,
        form(
            username={"type": "string", "description": "User's response"},
            email={"type": "string", "description": "User's email address"},
        ),
    )
    return f"User response: action={answer.action}, content={answer.content}"


@tool
async def test_elicitation_sep1034_defaults(context: RunContext[None]) -> str:
    """Request input with defaults."""
    answer = await _caller(context).elicit(
        "Please review the defaults.",
        form(
            required=False,
            name={"type": "string", "default": "John Doe"},
            age={"type": "integer", "default": 30},
            score={"type": "number", "default": 95.5},
            status={
                "type": "string",
                "enum": ["active", "inactive", "pending"],
                "default": "active",
            },
            verified={"type": "boolean", "default": True},
        ),
    )
    return f"Elicitation completed: action={answer.action}, content={answer.content}"


@tool
async def test_elicitation_sep1330_enums(context: RunContext[None]) -> str:
    """Request input with all kinds of choices."""
    options: JsonValue = ["option1", "option2", "option3"]
    titled: JsonValue = [
        {"const": "value1", "title": "First"},
        {"const": "value2", "title": "Second"},
    ]
    answer = await _caller(context).elicit(
        "Please choose.",
        form(
            required=False,
            untitledSingle={"type": "string", "enum": options},
            titledSingle={"type": "string", "oneOf": titled},
            legacyEnum={"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["One", "Two"]},
            untitledMulti={"type": "array", "items": {"type": "string", "enum": options}},
            titledMulti={"type": "array", "items": {"anyOf": titled}},
        ),
    )
    return f"Elicitation completed: action={answer.action}, content={answer.content}"


@tool
async def test_input_required_result_elicitation(context: RunContext[None]) -> str:
    """Greet the person that the user names."""
    answer = await _caller(context).elicit("What is your name?", NAME, key="user_name")
    return f"Hello, {answer.content.get('name')}!"


@tool
async def test_input_required_result_sampling(context: RunContext[None]) -> str:
    """Request a completion of the client's model."""
    answer = await _caller(context).sample(
        "What is the capital of France?", max_tokens=100, key="capital_question"
    )
    return answer.text


@tool
async def test_input_required_result_list_roots(context: RunContext[None]) -> str:
    """List the client's roots."""
    roots = await _caller(context).list_roots(key="client_roots")
    return ", ".join(str(root.uri) for root in roots)


@tool
async def test_input_required_result_request_state(context: RunContext[None]) -> str:
    """Send a request, and keep state in between."""
    await _caller(context).elicit("Please confirm", form(ok={"type": "boolean"}), key="confirm")
    return "state-ok"


@tool
async def test_input_required_result_tampered_state(context: RunContext[None]) -> str:
    """Send a request, and reject manipulated state."""
    await _caller(context).elicit("Please confirm", form(ok={"type": "boolean"}), key="confirm")
    return "confirmed"


@tool
async def test_input_required_result_multiple_inputs(context: RunContext[None]) -> str:
    """Send three requests at once."""
    answers = await _caller(context).ask(
        {
            "user_name": _elicitation("What is your name?", NAME),
            "greeting": _sampling("Generate a greeting", 50),
            "client_roots": types.ListRootsRequest(),
        }
    )
    return ", ".join(type(answer).__name__ for answer in answers.values())


@tool
async def test_input_required_result_multi_round(context: RunContext[None]) -> str:
    """Send one request after the other."""
    client = _caller(context)
    name = await client.elicit("Step 1: What is your name?", NAME, key="step1")
    color = await client.elicit(
        "Step 2: What is your favorite color?", form(color={"type": "string"}), key="step2"
    )
    return f"{name.content} {color.content}"


@tool
async def test_input_required_result_capabilities(context: RunContext[None]) -> str:
    """Send only requests that the client supports."""
    client = _caller(context)
    wanted: dict[str, types.InputRequest] = {}
    if client.capabilities.elicitation is not None:
        wanted["name"] = _elicitation("What is your name?", NAME)
    if client.capabilities.sampling is not None:
        wanted["greeting"] = _sampling("Generate a greeting", 50)
    return f"{len(await client.ask(wanted))} answers"


@tool
async def test_missing_capability(context: RunContext[None]) -> str:
    """Send a request that this client does not support."""
    return (await _caller(context).sample("Hello", max_tokens=10)).text


@tool
async def test_streaming_elicitation(context: RunContext[None]) -> str:
    """Report progress, then request input."""
    await context.report_progress(1, 2)
    answer = await _caller(context).elicit("What is your name?", NAME)
    return f"Hello, {answer.content.get('name')}!"


def header_tool() -> Tool:
    """Return a tool one of whose arguments is mirrored into a header."""
    return Tool.from_schema(
        name="test_x_mcp_header",
        description="Take an argument that stands in a header as well.",
        input_schema={
            "type": "object",
            "properties": {
                "region": {"type": "string", "x-mcp-header": "Region"},
            },
        },
        handler=lambda arguments: str(arguments.get("region")),
    )


def schema_tool() -> Tool:
    """Return a tool whose schema has all that JSON Schema 2020-12 has."""
    return Tool.from_schema(
        name="json_schema_2020_12_tool",
        description="Tool with JSON Schema 2020-12 features",
        input_schema={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "$anchor": "addressDef",
                    "type": "object",
                    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
                }
            },
            "properties": {
                "name": {"type": "string"},
                "address": {"$ref": "#/$defs/address"},
                "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                "phone": {"type": "string"},
                "email": {"type": "string"},
            },
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {"properties": {"contactMethod": {"const": "phone"}}},
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
            "additionalProperties": False,
        },
        handler=lambda arguments: f"JSON Schema 2020-12 tool called with: {arguments}",
    )


def _elicitation(message: str, schema: JsonObject) -> types.ElicitRequest:
    params = types.ElicitRequestFormParams(message=message, requested_schema=dict(schema))
    return types.ElicitRequest(params=params)


def _sampling(prompt: str, max_tokens: int) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=types.TextContent(text=prompt))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[message], max_tokens=max_tokens)
    )


TOOLS: tuple[Tool, ...] = (
    *(one for one in tuple(globals().values()) if isinstance(one, Tool)),
    header_tool(),
    schema_tool(),
)
