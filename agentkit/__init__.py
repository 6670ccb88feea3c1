"""agentkit: a tool-calling agent framework for open-weight models on any provider.

In:  a model's name, Python functions, a task.
Out: an answer, and the complete conversation that led to it.
"""

import agentkit.quiet_start  # noqa: F401 - must be the first import; see there
from agentkit.agent.agent import Agent
from agentkit.agent.conversation import Conversation
from agentkit.agent.handoff import handoff
from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.budget.budget import Budget
from agentkit.chat import ModelSettings, ToolChoice
from agentkit.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.context.window import ContextSettings
from agentkit.errors import (
    AgentKitError,
    ConfigError,
    HistoryError,
    ProviderError,
    ToolError,
    UnsupportedError,
)
from agentkit.event import (
    EventRecord,
    ReasoningReceived,
    RunEvent,
    RunFinished,
    StopReason,
    TextReceived,
    ToolCallFinished,
    ToolCallStarted,
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
from agentkit.model.model import Model
from agentkit.output.output_type import OutputError, OutputSettings, SuspendedError
from agentkit.tools.approval import Approval, Verdict
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool, tool
from agentkit.tools.toolset import Toolset
from agentkit.tools.validate import ReadyCall
from agentkit.usage import Usage
from agentkit.version import __version__

__all__ = [
    "Agent",
    "AgentKitError",
    "AgentStream",
    "Approval",
    "AssistantMessage",
    "AudioContent",
    "Budget",
    "ConfigError",
    "ContentBlock",
    "ContextSettings",
    "Conversation",
    "EmbeddedResource",
    "EventRecord",
    "History",
    "HistoryError",
    "ImageContent",
    "Message",
    "Model",
    "ModelSettings",
    "OutputError",
    "OutputSettings",
    "ProviderError",
    "ReadyCall",
    "ReasoningContent",
    "ReasoningReceived",
    "ResourceLink",
    "RunContext",
    "RunEvent",
    "RunFinished",
    "RunResult",
    "StopReason",
    "SuspendedError",
    "SystemMessage",
    "TextContent",
    "TextReceived",
    "Tool",
    "ToolCall",
    "ToolCallFinished",
    "ToolCallStarted",
    "ToolChoice",
    "ToolError",
    "ToolResult",
    "Toolset",
    "UnsupportedError",
    "Usage",
    "UserMessage",
    "Verdict",
    "__version__",
    "build_model",
    "handoff",
    "tool",
]
