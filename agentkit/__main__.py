"""Start the command line: `python -m agentkit`."""

import sys

from agentkit.cli.main import run_program

sys.exit(run_program())
