"""Structured output: the type of an answer, how it is requested and how it is read."""
