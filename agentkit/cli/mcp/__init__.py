"""The commands of `agentkit mcp`."""
