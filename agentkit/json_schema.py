"""JSON values."""

from pydantic import JsonValue

__all__ = ["JsonValue"]
