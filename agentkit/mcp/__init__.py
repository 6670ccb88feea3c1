"""Tools that come from MCP servers and go to MCP clients."""
