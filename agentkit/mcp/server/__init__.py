"""Serve tools and agents to MCP clients."""
