"""The agent loop and what surrounds it; the types of its options."""

from agentkit.agent.options import AgentOptions, Instructions, RunOptions
from agentkit.agent.sync_stream import SyncAgentStream

__all__ = [
    "AgentOptions",
    "Instructions",
    "RunOptions",
    "SyncAgentStream",
]
