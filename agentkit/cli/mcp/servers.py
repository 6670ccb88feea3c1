"""MCP servers on the command line.

In:  commands, URLs and configuration files, as the user writes them.
Out: toolsets; the SDK is loaded only if a server is named.
"""

import getpass
import re
import shlex
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync

from agentkit import cli, mcp
from agentkit.cli.approval_prompt import terminal_asker
from agentkit.cli.terminal import escape_controls, note
from agentkit.errors import ConfigError
from agentkit.tools.tool_search import SEARCH_THRESHOLD, searchable
from agentkit.tools.toolset import Toolset, combined

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The servers named on a command line.

    Attributes:
        words: commands and URLs.
        config: a configuration file with `mcpServers`.
        may_sample: whether they may use the run's own model.
    """

    words: Sequence[str] = ()
    config: Path | None = None
    may_sample: bool = False

    def toolset(self) -> Toolset | None:
        """Return the tools of all servers together; None if no server is named.

        Raises:
            ConfigError: a word or the file is not valid.
            MissingExtraError: the extra `mcp` is not installed.
        """
        if not self.words and self.config is None:
            return None  # what the options need is installed with the extra only
        options = _options(may_sample=self.may_sample)
        each: list[Toolset] = [build_server(word, **options) for word in self.words]
        if self.config is not None:
            each += _load_servers(self.config, options).values()
        return searchable(combined(*each), over=SEARCH_THRESHOLD)


def build_server(word: str, **options: Any) -> Any:
    """Return the toolset of the server that a word names.

    Args:
        word: an http URL, or a command line, which may begin with `NAME=value`.
        options: see `MCPOptions`.

    Raises:
        ConfigError: the word does not name a server.
        MissingExtraError: the extra `mcp` is not installed.
    """
    if re.match(r"https?://", word):
        auth = _login() if sys.stderr.isatty() else None
        return _toolset_class().http(word, auth=auth, **options)
    try:
        parts = shlex.split(word)
    except ValueError as error:
        raise ConfigError(f"{word!r} is not a valid command line: {error}.") from error
    env: dict[str, str] = {}
    while parts and _ASSIGNMENT.fullmatch(parts[0]):
        name, _, value = parts.pop(0).partition("=")
        env[name] = value
    if not parts:
        raise ConfigError(
            f"{word!r} does not name an MCP server; write its command or its URL in quotes."
        )
    return _toolset_class().stdio(*parts, env=env, **options)


def find_server(word: str, *, config: Path | None) -> Any:
    """Return the toolset of one server: by its name in `config`, or else by command or URL.

    Raises:
        ConfigError: there is no such server.
        MissingExtraError: the extra `mcp` is not installed.
    """
    # To be shown; no rule depends on them here.
    options = {**_options(may_sample=False), "trusts_annotations": True}
    if config is None:
        return build_server(word, **options)
    found = _load_servers(config, options)
    if word not in found:
        raise ConfigError(f"{str(config)!r} has no server {word!r}; it has {', '.join(found)}.")
    return found[word]


def _load_servers(config: Path, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the toolsets of the servers in a file, by name."""
    ask = _ask_input if sys.stdin.isatty() and sys.stderr.isatty() else None
    found: Mapping[str, Any] = _toolset_class().load_servers(config, ask_input=ask, **options)
    return found


def _ask_input(asked: Any) -> str | None:
    """Ask the user for a value that a configuration file leaves open."""
    choice = f" [{', '.join(asked.options)}]" if asked.options else ""
    default = f" ({asked.default})" if asked.default and not asked.is_password else ""
    # The file may come with a project of someone else.
    question = escape_controls(f"{asked.description or asked.id}{choice}{default}: ")
    if asked.is_password:
        return getpass.getpass(question, stream=sys.stderr)
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip() or None


def _options(*, may_sample: bool) -> dict[str, Any]:
    """Return the options of every server on the command line."""
    return {
        "search_threshold": None,  # the search covers all servers together
        "on_elicitation": _terminal_elicitation(),
        "on_sampling": "run" if may_sample else None,
    }


def _toolset_class() -> Any:
    return mcp.MCPToolset


def _login() -> object:
    """Return a browser login that also prints the URL."""

    async def open_url(url: str) -> None:
        note(f"Log in at {url}", style="yellow")
        await run_sync(webbrowser.open, url)

    return mcp.OAuth(open_url=open_url)


def _terminal_elicitation() -> object:
    """Return the callback for elicitation requests; None without a terminal."""
    ask = terminal_asker()
    if ask is None:
        return None
    callback: object = cli.mcp.elicitation.form_asker(ask)
    return callback
