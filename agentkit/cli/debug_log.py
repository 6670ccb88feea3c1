"""The log of `--debug`, on standard error.

In:  the logger of the package.
Out: one line for each record, safe on a terminal.
"""

import logging
import sys

from agentkit.cli.terminal import escape_controls


def log_to_standard_error(logger: logging.Logger) -> None:
    """Print all records of a logger, with time and level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_SafeFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)


class _SafeFormatter(logging.Formatter):
    """Escapes what could steer a terminal, also in records of other origin."""

    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(super().format(record))
