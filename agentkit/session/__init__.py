"""Conversations that are kept, as trees of messages."""
