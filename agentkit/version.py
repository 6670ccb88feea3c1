"""The version of this package.

In:  what is installed.
Out: its number; apart from the rest, since looking it up takes longer than most programs need.
"""

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """Return the version of agentkit, or a word where it runs without being installed."""
    try:
        return version("mixtral-agentkit")
    except PackageNotFoundError:
        return "not installed"
