"""agentkit: a tool-calling agent framework for open-weight models on any provider.

In:  a model's name, Python functions, a task.
Out: an answer, and the whole conversation that led to it.
"""

from agentkit.agent.agent import Agent
from agentkit.agent.budget import Budget
from agentkit.agent.result import RunResult
from agentkit.agent.start import AgentOptions
from agentkit.agent.stream import AgentStream
from agentkit.chat import (
    Mending,
    ModelRequest,
    ModelResponse,
    ModelSettings,
    ToolChoice,
    ToolSpec,
)
from agentkit.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.errors import (
    AgentKitError,
    ConfigError,
    HistoryError,
    MissingExtraError,
    ProtocolError,
    ProviderError,
    StatusError,
    ToolDefinitionError,
    ToolError,
    TransportError,
    UnsupportedError,
)
from agentkit.event import (
    AnswerMended,
    ModelResponded,
    ModelRetried,
    ReasoningReceived,
    RunEvent,
    RunFinished,
    RunStarted,
    TextReceived,
    ToolCallFinished,
    ToolCallRefused,
    ToolCallStarted,
    ToolProgressed,
    TurnStarted,
    event_to_json,
)
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agentkit.model.build import build_model
from agentkit.model.model import Model, ModelConnection
from agentkit.model.route import RouteModel
from agentkit.tool.approve import Approval, Rule, Verdict
from agentkit.tool.run_context import RunContext
from agentkit.tool.tool import Tool, ToolAnnotations, tool
from agentkit.tool.toolset import StaticToolset, Toolset, combine, filtered, prefixed, renamed
from agentkit.usage import Usage

__all__ = [
    "Agent",
    "AgentKitError",
    "AgentOptions",
    "AgentStream",
    "AnswerMended",
    "Approval",
    "AssistantMessage",
    "AudioContent",
    "Budget",
    "ConfigError",
    "ContentBlock",
    "EmbeddedResource",
    "History",
    "HistoryError",
    "ImageContent",
    "Mending",
    "Message",
    "MissingExtraError",
    "Model",
    "ModelConnection",
    "ModelRequest",
    "ModelResponded",
    "ModelResponse",
    "ModelRetried",
    "ModelSettings",
    "ProtocolError",
    "ProviderError",
    "ReasoningContent",
    "ReasoningReceived",
    "ResourceLink",
    "RouteModel",
    "Rule",
    "RunContext",
    "RunEvent",
    "RunFinished",
    "RunResult",
    "RunStarted",
    "StaticToolset",
    "StatusError",
    "SystemMessage",
    "TextContent",
    "TextReceived",
    "Tool",
    "ToolAnnotations",
    "ToolCall",
    "ToolCallFinished",
    "ToolCallRefused",
    "ToolCallStarted",
    "ToolChoice",
    "ToolDefinitionError",
    "ToolError",
    "ToolProgressed",
    "ToolResult",
    "ToolSpec",
    "Toolset",
    "TransportError",
    "TurnStarted",
    "UnsupportedError",
    "Usage",
    "UserMessage",
    "Verdict",
    "build_model",
    "combine",
    "event_to_json",
    "filtered",
    "prefixed",
    "renamed",
    "tool",
]
