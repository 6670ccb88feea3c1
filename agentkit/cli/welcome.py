"""The screen of `agentkit` without a command.

In:  nothing.
Out: what it is, what to try, where the documentation is.
"""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata
from urllib.parse import urlsplit

from agentkit.cli.exit_codes import OK
from agentkit.cli.terminal import write
from agentkit.version import __version__

_TEXT = """\
agentkit {version}: run language models with tools, on any provider.

Try it now; without a key a stand-in answers:
  agentkit "What is 12.5% of 640?"     ask a question
  agentkit chat                        have a conversation
  agentkit providers                   see providers and set a key

All commands: agentkit --help
Documentation: {documentation}
"""
_DOCUMENTATION = "the folder 'docs' of the project"
_FOLDER = "tree/HEAD/docs"
_PLACEHOLDER = ".invalid"
"""The end of domain names that lead nowhere (RFC 6761): the project's address is not known yet."""


def show_welcome() -> int:
    """Print the screen and return the exit code."""
    write(_TEXT.format(version=__version__, documentation=_documentation()))
    return OK


def _documentation() -> str:
    """Return the address of the documentation, from that of the repository."""
    try:
        urls = metadata("mixtral-agentkit").get_all("Project-URL") or []
    except PackageNotFoundError:
        return _DOCUMENTATION
    return documentation_of(str(url) for url in urls)


def documentation_of(project_urls: Iterable[str]) -> str:
    """Return the address of the documentation.

    Args:
        project_urls: entries of a package's metadata, such as `Repository, https://…`.
    """
    for entry in project_urls:
        name, _, url = entry.partition(",")
        domain = urlsplit(url.strip()).hostname or ""
        if name.strip().casefold() == "repository" and not domain.endswith(_PLACEHOLDER):
            return f"{url.strip().rstrip('/')}/{_FOLDER}"
    return _DOCUMENTATION
