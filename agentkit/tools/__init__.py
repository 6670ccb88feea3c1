"""Tools: what they are, how calls are checked, planned and run."""

from agentkit.tools.approval import ApprovalRule
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.tool_options import Decision, ToolAnnotations, ToolOptions
from agentkit.tools.tool_search import searchable
from agentkit.tools.toolset import StaticToolset, ToolLike, combined, filtered, prefixed, renamed

__all__ = [
    "ApprovalRule",
    "ConcurrencyLimits",
    "Decision",
    "StaticToolset",
    "ToolAnnotations",
    "ToolLike",
    "ToolOptions",
    "combined",
    "filtered",
    "prefixed",
    "renamed",
    "searchable",
]
