"""The agent loop and what surrounds it; the types of its options."""

from agentkit.agent.options import AgentOptions, DepsOptions, InnerOptions, Instructions, RunOptions
from agentkit.agent.stream import SyncAgentStream

__all__ = [
    "AgentOptions",
    "DepsOptions",
    "InnerOptions",
    "Instructions",
    "RunOptions",
    "SyncAgentStream",
]
