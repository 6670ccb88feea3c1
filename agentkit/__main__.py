"""Start the command line: `python -m agentkit`."""

import sys

from agentkit.cli.main import main

sys.exit(main())
