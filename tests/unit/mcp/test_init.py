"""The public names of `agentkit.mcp`."""

import subprocess
import sys
from pathlib import Path

import pytest

import agentkit.mcp
from agentkit.errors import MissingExtraError

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", agentkit.mcp.__all__)
def test_a_public_name_is_loaded_on_use(name: str) -> None:
    """Each name exists, is typed in the stub, and is listed by `dir`."""
    stub = (ROOT / "agentkit/mcp/__init__.pyi").read_text(encoding="utf-8")

    assert getattr(agentkit.mcp, name) is not None
    assert f"import {name} as {name}\n" in stub
    assert name in dir(agentkit.mcp)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Gadget'"):
        _ = agentkit.mcp.Gadget  # type: ignore[attr-defined]  # the mistake under test


def test_importing_the_package_does_not_load_the_sdk() -> None:
    """So that it works, and costs nothing, without the extra."""
    code = "import sys, agentkit.mcp; sys.exit('mcp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)  # noqa: S603

    assert done.returncode == 0


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the first use of a name."""
    monkeypatch.delattr(agentkit.mcp, "OAuth")
    monkeypatch.setitem(sys.modules, "agentkit.mcp.client.oauth", None)

    with pytest.raises(MissingExtraError, match=r"mixtral-agentkit\[mcp\]"):
        _ = agentkit.mcp.OAuth
