"""The version of this package.

In:  nothing.
Out: `__version__`, the same as in `pyproject.toml`; asking the installed distribution is slow.
"""

__version__ = "0.1.0"
