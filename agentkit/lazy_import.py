"""Load modules and objects by name at their first use.

In:  `"package.module:attribute"`, or the name of a module.
Out: the object, the module.

For modules that are too heavy for `import agentkit` or belong to an extra
(docs/decisions/0003-lazy-imports.md), and for launchers that a catalog names.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

from agentkit.errors import ConfigError, MissingExtraError


def load_object(path: str, *, extra: str | None = None) -> object:
    """Import `module:attribute` and return the attribute.

    Args:
        path: dotted module, a colon, and the attribute's name.
        extra: the extra of this distribution that installs what the module needs.

    Raises:
        ConfigError: the path is malformed, or the attribute does not exist.
        MissingExtraError: the module needs a package that is not installed.
    """
    module_name, separator, attribute = path.partition(":")
    if not separator or not module_name or not attribute:
        raise ConfigError(f"{path!r} does not name an object; write 'package.module:name'.")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if extra is None:
            raise ConfigError(f"Cannot import {module_name!r} for {path!r}: {error}.") from error
        raise _missing_extra(error, extra) from error
    try:
        found: object = getattr(module, attribute)
    except AttributeError as error:
        raise ConfigError(f"Module {module_name!r} has no {attribute!r}.") from error
    return found


class LazyModule:
    """A module that is imported when one of its names is first used.

    Args:
        name: the dotted name of the module.
        extra: see `load_object`.
    """

    def __init__(self, name: str, *, extra: str | None = None) -> None:
        self._name = name
        self._extra = extra

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # asked by tools that look at any object
            raise AttributeError(attribute)
        return load_object(f"{self._name}:{attribute}", extra=self._extra)


def load_submodule(package: str, name: str, *, extra: str | None = None) -> ModuleType:
    """Import a module of a package, for the package's `__getattr__`.

    Args:
        package: the dotted name of the package.
        name: the name of the module in it.
        extra: the extra that installs what modules of this package may need.

    Raises:
        AttributeError: there is no such module.
        MissingExtraError: the module needs a package that is not installed.
    """
    path = f"{package}.{name}"
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        if error.name == path:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        if extra is None:
            raise
        raise _missing_extra(error, extra) from error


def _missing_extra(error: ModuleNotFoundError, extra: str) -> MissingExtraError:
    return MissingExtraError(
        f"This needs the package {error.name!r}, which is not installed; "
        f"install 'mixtral-agentkit[{extra}]'."
    )
