"""Choose tools and arguments for a question by plain rules."""
