"""Do once what programs do at first use, so that each fork need not do it by itself.

For `forked_python`, after it has imported our packages.
"""

import sys
from dataclasses import is_dataclass
from datetime import UTC, datetime

from agentkit.config.catalog import load_catalog
from agentkit.event import EventRecord, RunStarted

METHODS = ("__init__", "__repr__", "__eq__", "__hash__")


def fill() -> None:
    """Write the methods of dataclasses, read the catalog, build the codec of records."""
    for module in [one for name, one in sys.modules.items() if name.startswith("agentkit")]:
        for kind in vars(module).values():
            if isinstance(kind, type) and is_dataclass(kind):
                for method in METHODS:
                    getattr(kind, method)  # `agentkit.value` writes it when it is looked up
    load_catalog()
    event = RunStarted(agent="a", model="m")
    EventRecord(run_id="r", event=event, at=datetime.now(UTC)).to_json()
