"""Tool calls that a provider left in the text of an answer."""
