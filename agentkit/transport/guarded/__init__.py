"""Requests to URLs that a model or a third party named, to public addresses only."""
