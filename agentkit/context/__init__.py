"""Fit a conversation to the context window of a model."""
