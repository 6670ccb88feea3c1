"""Tools: what they are, how calls are checked, planned and run."""
