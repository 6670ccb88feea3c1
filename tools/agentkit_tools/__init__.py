"""Ready-made tools, a module per family."""
