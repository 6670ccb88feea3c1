"""`agentkit agents`: what agents there are.

In:  nothing.
Out: a table, or JSON.
"""

import json

from rich.table import Table

from agentkit.cli.exit_codes import OK
from agentkit.cli.ready_made import agents
from agentkit.cli.terminal import show_table, write_json


def list_agents(*, as_json: bool) -> int:
    """Print the ready-made agents."""
    known = agents()
    if as_json:
        write_json(json.dumps(dict(known), indent=2))
        return OK
    table = Table("Name for --agent", "What it does", box=None, pad_edge=False)
    for name, description in known.items():
        table.add_row(name, description)
    show_table(table)
    return OK
