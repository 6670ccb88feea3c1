"""A provider on loopback that speaks a real provider's form and is not a language model."""

from agentkit.sandbox.faults.fault import MISBEHAVIOURS, Misbehave, SandboxAnswer
from agentkit.sandbox.server import (
    Alter,
    Sandbox,
    SandboxExchange,
    SandboxRequest,
    Tell,
    launch,
    sandbox,
)

__all__ = [
    "MISBEHAVIOURS",
    "Alter",
    "Misbehave",
    "Sandbox",
    "SandboxAnswer",
    "SandboxExchange",
    "SandboxRequest",
    "Tell",
    "launch",
    "sandbox",
]
