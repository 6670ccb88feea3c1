"""`import agentkit` loads nothing heavy and costs little."""

import os
import subprocess
import sys

_HEAVY = {"httpx", "structlog", "rich", "typer", "click", "prompt_toolkit", "pygments"}
_HEAVY |= {"pint", "mistral_common", "sentencepiece", "starlette", "trio", "tzdata", "mcp"}


def test_importing_agentkit_is_light() -> None:
    """Neither extras nor heavy dependencies of the core are loaded."""
    modules = _printed("import agentkit, sys; print(*sys.modules)").split()

    assert "agentkit" in modules
    assert _HEAVY & set(modules) == set()


def test_importing_agentkit_costs_little_more_than_importing_its_dependencies() -> None:
    """CPU time, measured in pairs; if other work disturbs, the best of several pairs counts."""
    ratios: list[float] = []
    while len(ratios) < 20 and min(ratios, default=99.0) >= 1.25:
        core = _import_seconds("anyio, httpx, jsonschema, pydantic, structlog")
        ratios.append(_import_seconds("agentkit") / core)

    assert min(ratios) < 1.25


def _import_seconds(names: str) -> float:
    return float(_printed(f"import time, {names}; print(time.process_time())"))


def _printed(code: str) -> str:
    # Coverage in child processes is switched off: its cost would count as ours.
    environ = {key: text for key, text in os.environ.items() if "COVERAGE" not in key}
    command = [sys.executable, "-c", code]
    return subprocess.run(  # noqa: S603 - our own interpreter and code
        command, capture_output=True, text=True, check=True, env=environ
    ).stdout
