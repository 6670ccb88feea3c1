"""agentkit: a tool-calling agent framework for open-weight models on any provider.

In:  a model's name, Python functions, a task.
Out: an answer, and the whole conversation that led to it.
"""

from agentkit.agent.agent import Agent
from agentkit.agent.handoff import handoff
from agentkit.agent.options import AgentOptions
from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.budget.budget import Budget
from agentkit.chat import (
    Answered,
    Failure,
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
from agentkit.context.trim import FitStrategy
from agentkit.context.window import WindowSettings
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
    ToolsetError,
    TransportError,
    UnsupportedError,
)
from agentkit.event import (
    AnswerMended,
    ContextFitted,
    HandedOver,
    ModelFailedOver,
    ModelResponded,
    ModelRetried,
    OutputReceived,
    OutputRefused,
    ReasoningReceived,
    RequestAdapted,
    RunEvent,
    RunFinished,
    RunStarted,
    StopReason,
    SubAgentEvent,
    TextReceived,
    ToolArgumentsReceived,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallRefused,
    ToolCallStarted,
    ToolOutputCut,
    ToolProgressed,
    ToolsetReported,
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
from agentkit.output.output_type import OutputError, OutputSettings
from agentkit.tools.approval import Approval, Rule, Verdict
from agentkit.tools.concurrency.concurrency_limits import ToolCaps
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool, ToolAnnotations, tool
from agentkit.tools.toolset import StaticToolset, Toolset, combine, filtered, prefixed, renamed
from agentkit.usage import Usage

__all__ = [
    "Agent",
    "AgentKitError",
    "AgentOptions",
    "AgentStream",
    "AnswerMended",
    "Answered",
    "Approval",
    "AssistantMessage",
    "AudioContent",
    "Budget",
    "ConfigError",
    "ContentBlock",
    "ContextFitted",
    "EmbeddedResource",
    "Failure",
    "FitStrategy",
    "HandedOver",
    "History",
    "HistoryError",
    "ImageContent",
    "Mending",
    "Message",
    "MissingExtraError",
    "Model",
    "ModelConnection",
    "ModelFailedOver",
    "ModelRequest",
    "ModelResponded",
    "ModelResponse",
    "ModelRetried",
    "ModelSettings",
    "OutputError",
    "OutputReceived",
    "OutputRefused",
    "OutputSettings",
    "ProtocolError",
    "ProviderError",
    "ReasoningContent",
    "ReasoningReceived",
    "RequestAdapted",
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
    "StopReason",
    "SubAgentEvent",
    "SystemMessage",
    "TextContent",
    "TextReceived",
    "Tool",
    "ToolAnnotations",
    "ToolArgumentsReceived",
    "ToolCall",
    "ToolCallAbandoned",
    "ToolCallFinished",
    "ToolCallRefused",
    "ToolCallStarted",
    "ToolCaps",
    "ToolChoice",
    "ToolDefinitionError",
    "ToolError",
    "ToolOutputCut",
    "ToolProgressed",
    "ToolResult",
    "ToolSpec",
    "Toolset",
    "ToolsetError",
    "ToolsetReported",
    "TransportError",
    "TurnStarted",
    "UnsupportedError",
    "Usage",
    "UserMessage",
    "Verdict",
    "WindowSettings",
    "build_model",
    "combine",
    "event_to_json",
    "filtered",
    "handoff",
    "prefixed",
    "renamed",
    "tool",
]
