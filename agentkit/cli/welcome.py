"""The screen of `agentkit` without a command.

In:  nothing.
Out: what it is, what to try, where the documentation is.
"""

from importlib.metadata import PackageNotFoundError, metadata

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


def show_welcome() -> int:
    """Print the screen and return the exit code."""
    write(_TEXT.format(version=__version__, documentation=_documentation()))
    return OK


def _documentation() -> str:
    """Return the address of the documentation, as the installed package names it."""
    try:
        urls = metadata("mixtral-agentkit").get_all("Project-URL") or []
    except PackageNotFoundError:
        return _DOCUMENTATION
    for entry in urls:
        name, _, url = entry.partition(",")
        if name.strip().casefold() == "documentation":
            return str(url.strip())
    return _DOCUMENTATION
