"""The agent loop and what surrounds it."""
