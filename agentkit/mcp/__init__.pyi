"""The types of the public names; see `__init__.py`."""

from agentkit.mcp.client.client_settings import MCPOptions as MCPOptions
from agentkit.mcp.client.client_settings import Prompt as Prompt
from agentkit.mcp.client.config_file import AskInput as AskInput
from agentkit.mcp.client.config_file import ConfigInput as ConfigInput
from agentkit.mcp.client.mcp_toolset import MCPToolset as MCPToolset
from agentkit.mcp.client.oauth import OAuth as OAuth
from agentkit.mcp.client.oauth import TokenFile as TokenFile
from agentkit.mcp.client.server_connection import RestartSettings as RestartSettings
from agentkit.mcp.client.server_requests import ElicitationRequest as ElicitationRequest
from agentkit.mcp.client.server_requests import ElicitationResponse as ElicitationResponse
from agentkit.mcp.client.server_requests import OnElicitation as OnElicitation
from agentkit.mcp.client.server_requests import OnSampling as OnSampling
from agentkit.mcp.client.server_requests import SamplingRequest as SamplingRequest
from agentkit.mcp.client.server_requests import SamplingResponse as SamplingResponse
from agentkit.mcp.server.client_context import ClientContext as ClientContext
from agentkit.mcp.server.client_context import ClientRequestError as ClientRequestError
from agentkit.mcp.server.client_context import ElicitationOutcome as ElicitationOutcome
from agentkit.mcp.server.client_context import client_of as client_of
from agentkit.mcp.server.mcp_server import ToolServer as ToolServer
from agentkit.mcp.server.mcp_server import build_server as build_server
from agentkit.mcp.server.server_settings import ServerSettings as ServerSettings
from agentkit.mcp.server.stdio import serve_stdio as serve_stdio
from agentkit.mcp.server.streamable_http import HttpOptions as HttpOptions
from agentkit.mcp.server.streamable_http import HttpServer as HttpServer
from agentkit.mcp.server.streamable_http import open_http as open_http
from agentkit.mcp.server.streamable_http import serve_http as serve_http

__all__: list[str]
