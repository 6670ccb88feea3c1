"""Models one can call."""
