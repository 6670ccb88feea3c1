"""Objects are loaded by name, and a failure names what is missing."""

import json
import sys
from pathlib import Path

import pytest

from agentkit import cli
from agentkit.errors import ConfigError, MissingExtraError
from agentkit.lazy_import import LazyModule, load_object, load_submodule


def test_an_object_is_loaded_by_its_name() -> None:
    """Module, colon, attribute."""
    assert load_object("json:dumps") is json.dumps


@pytest.mark.parametrize("path", ["json", ":dumps", "json:", ""])
def test_a_malformed_path_is_rejected(path: str) -> None:
    """The error shows the expected format."""
    with pytest.raises(ConfigError, match=r"package\.module:name"):
        load_object(path)


def test_the_error_names_the_missing_module_or_attribute() -> None:
    """Each has its own message."""
    with pytest.raises(ConfigError, match="Cannot import 'no_such_module'"):
        load_object("no_such_module:x")
    with pytest.raises(ConfigError, match="Module 'json' has no 'nope'"):
        load_object("json:nope")


def test_the_error_of_a_missing_extra_names_what_to_install() -> None:
    """The message contains the name of the extra."""
    with pytest.raises(MissingExtraError, match=r"install 'mixtral-agentkit\[units\]'"):
        load_object("no_such_module:x", extra="units")


def test_a_lazy_module_is_imported_by_its_first_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of any object is no name of it."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    module = LazyModule("colorsys")

    assert not hasattr(module, "__wrapped__")
    assert "colorsys" not in sys.modules
    assert module.rgb_to_hsv(1, 1, 1) == (0, 0, 1)
    with pytest.raises(MissingExtraError, match="units"):
        _ = LazyModule("no_such_module", extra="units").anything


def test_a_module_that_needs_a_missing_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an extra, the error of the import is raised as it is."""
    package = tmp_path / "lazy_package_for_this_test"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    package.joinpath("needy.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(MissingExtraError, match=r"'no_such_module'.*mixtral-agentkit\[units\]"):
        load_submodule(package.name, "needy", extra="units")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        load_submodule(package.name, "needy")


def test_a_module_of_a_package_is_imported_by_its_name() -> None:
    """Another name is no attribute."""
    assert load_submodule("json", "tool").__name__ == "json.tool"
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'nope'"):
        load_submodule("json", "nope", extra="units")
    with pytest.raises(AttributeError):
        _ = cli.no_such_module
