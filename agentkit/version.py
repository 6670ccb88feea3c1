"""The version of this package.

In:  the installed distribution.
Out: its version number. This is a module of its own because the lookup is slow and rarely needed.
"""

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """Return the version of agentkit, or "not installed" if it runs from a checkout."""
    try:
        return version("mixtral-agentkit")
    except PackageNotFoundError:
        return "not installed"
