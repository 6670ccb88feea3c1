"""Anthropic's own client, which takes a second to import; most test processes never use it.

In:  the package `anthropic`; tests that import this module skip without it.
Out: `anthropic`, imported at its first use.
"""

from importlib.util import find_spec
from typing import Any

import pytest

from agentkit.lazy_import import LazyModule

if find_spec("anthropic") is None:
    pytest.skip("there is no package `anthropic`", allow_module_level=True)

anthropic: Any = LazyModule("anthropic")
