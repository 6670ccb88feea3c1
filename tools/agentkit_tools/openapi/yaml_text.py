"""Read YAML as JSON values.

In:  YAML text.
Out: the value; only what JSON has: no dates, no objects of Python.
"""

from typing import Any

import yaml  # type: ignore[import-untyped]  # it ships no types


class _JsonLoader(yaml.SafeLoader):  # type: ignore[misc]  # for the same reason
    """Reads dates as text."""


_JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML document.

    Raises:
        ValueError: it is not YAML.
    """
    try:
        # The loader is a `SafeLoader`: it makes no objects.
        return yaml.load(text, Loader=_JsonLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
