"""Requests to URLs that a model or a stranger named, to public addresses only."""
