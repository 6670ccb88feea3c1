"""Explain what a run did, from its records: a story, a timeline, and where time and money went.

Loads nothing but the core.
"""

from agentkit.telemetry.explain.explanation import Explanation, explain
from agentkit.telemetry.explain.record_file import read_records

__all__ = ["Explanation", "explain", "read_records"]
