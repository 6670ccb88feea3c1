"""MCP: tools of MCP servers as a toolset, and tools and agents served to MCP clients.

In:  the extra `mcp`.
Out: the public names below, each loaded on its first use.

Importing this package does not load the SDK, so it works without the extra. The names are typed in
`__init__.pyi`.
"""

from agentkit.lazy_import import load_object

_PATHS = {
    "AskInput": "agentkit.mcp.client.config_file:AskInput",
    "ClientContext": "agentkit.mcp.server.client_context:ClientContext",
    "ClientRequestError": "agentkit.mcp.server.client_context:ClientRequestError",
    "ConfigInput": "agentkit.mcp.client.config_file:ConfigInput",
    "ElicitationOutcome": "agentkit.mcp.server.client_context:ElicitationOutcome",
    "ElicitationRequest": "agentkit.mcp.client.server_requests:ElicitationRequest",
    "ElicitationResponse": "agentkit.mcp.client.server_requests:ElicitationResponse",
    "HttpOptions": "agentkit.mcp.server.streamable_http:HttpOptions",
    "HttpServer": "agentkit.mcp.server.streamable_http:HttpServer",
    "MCPOptions": "agentkit.mcp.client.client_settings:MCPOptions",
    "MCPToolset": "agentkit.mcp.client.mcp_toolset:MCPToolset",
    "OAuth": "agentkit.mcp.client.oauth:OAuth",
    "OnElicitation": "agentkit.mcp.client.server_requests:OnElicitation",
    "OnSampling": "agentkit.mcp.client.server_requests:OnSampling",
    "Prompt": "agentkit.mcp.client.client_settings:Prompt",
    "RestartSettings": "agentkit.mcp.client.server_connection:RestartSettings",
    "SamplingRequest": "agentkit.mcp.client.server_requests:SamplingRequest",
    "SamplingResponse": "agentkit.mcp.client.server_requests:SamplingResponse",
    "ServerSettings": "agentkit.mcp.server.server_settings:ServerSettings",
    "TokenFile": "agentkit.mcp.client.oauth:TokenFile",
    "ToolServer": "agentkit.mcp.server.mcp_server:ToolServer",
    "build_server": "agentkit.mcp.server.mcp_server:build_server",
    "client_of": "agentkit.mcp.server.client_context:client_of",
    "open_http": "agentkit.mcp.server.streamable_http:open_http",
    "serve_http": "agentkit.mcp.server.streamable_http:serve_http",
    "serve_stdio": "agentkit.mcp.server.stdio:serve_stdio",
}

__all__ = [*_PATHS]


def __getattr__(name: str) -> object:
    """Load a public name.

    Raises:
        AttributeError: there is no such name.
        MissingExtraError: the extra `mcp` is not installed.
    """
    if name not in _PATHS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = load_object(_PATHS[name], extra="mcp")
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(_PATHS)
