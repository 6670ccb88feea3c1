"""A host on loopback that speaks a real host's form and is not a language model."""

from agentkit.testing.sandbox.host import Alter, Sandbox, SandboxRequest, launch, sandbox

__all__ = ["Alter", "Sandbox", "SandboxRequest", "launch", "sandbox"]
