"""A provider on loopback that speaks a real provider's form and is not a language model."""

from agentkit.sandbox.faults.injector import FAULTS, FaultPlan, SandboxAnswer
from agentkit.sandbox.server import (
    AlterCompletion,
    ExchangeListener,
    Sandbox,
    SandboxExchange,
    SandboxRequest,
    launch,
    sandbox,
)

__all__ = [
    "FAULTS",
    "AlterCompletion",
    "ExchangeListener",
    "FaultPlan",
    "Sandbox",
    "SandboxAnswer",
    "SandboxExchange",
    "SandboxRequest",
    "launch",
    "sandbox",
]
