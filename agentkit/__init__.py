"""agentkit: a tool-calling agent framework for open-weight models on any provider.

In:  a model's name, Python functions, a task.
Out: an answer, and the complete conversation that led to it.
"""

import agentkit.quiet_start  # noqa: F401 - must be the first import; see there
from agentkit.agent.agent import Agent
from agentkit.agent.handoff import handoff
from agentkit.agent.options import AgentOptions
from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.budget.budget import Budget
from agentkit.chat import (
    FailedExchange,
    ModelExchange,
    ModelRequest,
    ModelResponse,
    ModelSettings,
    Repair,
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
from agentkit.context.window import ContextSettings
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
    AnswerRepaired,
    ContextTrimmed,
    HandedOff,
    ModelFailedOver,
    ModelResponded,
    ModelRetried,
    OutputRejected,
    PartialOutputReceived,
    ReasoningReceived,
    RequestDelayed,
    RequestDowngraded,
    RunEvent,
    RunFinished,
    RunStarted,
    StopReason,
    TextReceived,
    TextReclassified,
    ToolArgumentsReceived,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    ToolProgressed,
    ToolResultTruncated,
    ToolsetReported,
    TurnStarted,
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
from agentkit.tools.approval import Approval, ApprovalRule, Verdict
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool, tool
from agentkit.tools.tool_options import ToolAnnotations
from agentkit.tools.toolset import StaticToolset, Toolset, combined, filtered, prefixed, renamed
from agentkit.usage import Usage

__all__ = [
    "Agent",
    "AgentKitError",
    "AgentOptions",
    "AgentStream",
    "AnswerRepaired",
    "Approval",
    "ApprovalRule",
    "AssistantMessage",
    "AudioContent",
    "Budget",
    "ConcurrencyLimits",
    "ConfigError",
    "ContentBlock",
    "ContextSettings",
    "ContextTrimmed",
    "EmbeddedResource",
    "FailedExchange",
    "FitStrategy",
    "HandedOff",
    "History",
    "HistoryError",
    "ImageContent",
    "Message",
    "MissingExtraError",
    "Model",
    "ModelConnection",
    "ModelExchange",
    "ModelFailedOver",
    "ModelRequest",
    "ModelResponded",
    "ModelResponse",
    "ModelRetried",
    "ModelSettings",
    "OutputError",
    "OutputRejected",
    "OutputSettings",
    "PartialOutputReceived",
    "ProtocolError",
    "ProviderError",
    "ReasoningContent",
    "ReasoningReceived",
    "Repair",
    "RequestDelayed",
    "RequestDowngraded",
    "ResourceLink",
    "RouteModel",
    "RunContext",
    "RunEvent",
    "RunFinished",
    "RunResult",
    "RunStarted",
    "StaticToolset",
    "StatusError",
    "StopReason",
    "SystemMessage",
    "TextContent",
    "TextReceived",
    "TextReclassified",
    "Tool",
    "ToolAnnotations",
    "ToolArgumentsReceived",
    "ToolCall",
    "ToolCallAbandoned",
    "ToolCallFinished",
    "ToolCallRejected",
    "ToolCallStarted",
    "ToolChoice",
    "ToolDefinitionError",
    "ToolError",
    "ToolProgressed",
    "ToolResult",
    "ToolResultTruncated",
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
    "build_model",
    "combined",
    "filtered",
    "handoff",
    "prefixed",
    "renamed",
    "tool",
]
