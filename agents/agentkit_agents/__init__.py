"""Ready-made agents, a module per agent."""
