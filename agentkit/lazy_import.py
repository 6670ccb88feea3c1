"""Load an object by name at its first use.

In:  `"package.module:attribute"`.
Out: the object.

For modules that are too heavy for `import agentkit` or belong to an extra
(docs/decisions/0003-lazy-imports.md), and for launchers that a catalog names.
"""

from importlib import import_module

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
        raise MissingExtraError(
            f"This needs the package {error.name!r}, which is not installed; "
            f"install 'mixtral-agentkit[{extra}]'."
        ) from error
    try:
        found: object = getattr(module, attribute)
    except AttributeError as error:
        raise ConfigError(f"Module {module_name!r} has no {attribute!r}.") from error
    return found
