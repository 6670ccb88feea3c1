"""Use the tools, resources and prompts of MCP servers."""
