"""A host on loopback that speaks a real host's form and is not a language model."""

from agentkit.testing.sandbox.host import (
    Alter,
    Sandbox,
    SandboxExchange,
    SandboxRequest,
    Tell,
    launch,
    sandbox,
)
from agentkit.testing.sandbox.misbehave import MISBEHAVIOURS, Misbehave, SandboxAnswer

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
