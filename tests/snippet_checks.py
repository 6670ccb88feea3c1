"""Check the snippets of documents that cannot be run here.

In:  the text of a block: commands, a systemd unit, a Dockerfile, a configuration of nginx, of
     LibreChat, of an MCP client or of agentkit, a program for another framework.
Out: nothing, or an exception with what is wrong.

Whatever is agentkit's own is compared with the code: command lines are parsed by the command line,
files and paths must exist, ports and times must fit each other. For other programs, the directives
and options that the documents use are listed here.
"""

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit

import typer
import yaml  # type: ignore[import-untyped]  # it ships no types

from agentkit.cli.app import app
from agentkit.config.catalog import load_catalog
from agentkit.service.routes import OPEN_PATHS
from agentkit.service.service_settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[1]
PORT = 8000
"""That of `agentkit serve`, if no other is named."""

OTHER_PROGRAMS: Mapping[str, tuple[str, frozenset[str]]] = {
    "vllm": ("serve", frozenset({"--enable-auto-tool-choice", "--tool-call-parser"})),
    "ollama": ("pull", frozenset()),
    "llama-server": ("-m", frozenset({"-m", "-c", "--jinja"})),
}
"""Their first argument and their options."""
SCRIPTS = {"scripts/bench": ROOT / "benchmarks" / "__main__.py"}

UNIT_DIRECTIVES: Mapping[str, frozenset[str]] = {
    "Unit": frozenset({"Description", "After", "Wants"}),
    "Service": frozenset(
        {
            *("User", "WorkingDirectory", "EnvironmentFile", "Environment", "StateDirectory"),
            *("ExecStart", "ExecStartPre", "Restart", "TimeoutStopSec"),
            *("NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp"),
        }
    ),
    "Install": frozenset({"WantedBy"}),
}
"""https://www.freedesktop.org/software/systemd/man/latest/systemd.directives.html"""
NGINX_DIRECTIVES = {
    "location": re.compile(r"/\S*/"),
    "proxy_pass": re.compile(rf"http://127\.0\.0\.1:{PORT}/"),
    "proxy_buffering": re.compile("off"),
    "proxy_read_timeout": re.compile(r"\d+s"),
}
"""https://nginx.org/en/docs/http/ngx_http_proxy_module.html"""
LIBRECHAT_FIELDS = {
    *("name", "apiKey", "baseURL", "models", "titleConvo", "titleModel"),
    *("default", "fetch"),
}
"""https://www.librechat.ai/docs/configuration/librechat_yaml/object_structure/custom_endpoint"""


def check_shell(text: str) -> None:
    """Check commands, one in each line, of which some need a network or another program."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        program, *arguments = words
        if program == "export":
            (assignment,) = arguments
            check_variable(assignment.partition("=")[0])
        elif program == "agentkit":
            parse_agentkit(arguments)
        elif program == "pip":
            check_packages(arguments)
        elif program == "python":
            check_paths(arguments)
        elif program in SCRIPTS:
            check_script(program, arguments)
        else:
            first, options = OTHER_PROGRAMS[program]
            assert arguments[0] == first, line
            assert {word for word in arguments if word.startswith("-")} <= options, line


def parse_agentkit(words: Sequence[str]) -> Mapping[str, Any]:
    """Return the options of a command of agentkit, as its own parser reads them."""
    command = _command_line()
    try:
        context = command.make_context("agentkit", list(words))
        while hasattr(command, "resolve_command"):
            given = [*context._protected_args, *context.args]
            if not given:  # the group itself
                break
            name, command, rest = command.resolve_command(context, given)
            context = command.make_context(name, rest, parent=context)
    except Exception as error:  # its types are private to Typer
        raise AssertionError(f"agentkit {shlex.join(words)}: {error}") from error
    options: Mapping[str, Any] = context.params
    return options


@cache
def _command_line() -> Any:
    return typer.main.get_command(app)


def check_variable(name: str) -> None:
    """Check that some module reads an environment variable, or the catalog names it."""
    files = (path for suffix in ("py", "toml") for path in (ROOT / "agentkit").rglob(f"*.{suffix}"))
    assert any(name in path.read_text(encoding="utf-8") for path in files), name


def check_packages(arguments: Sequence[str]) -> None:
    """Check that what is installed is imported by a script."""
    install, *names = arguments
    assert install == "install"
    scripts = "\n".join(path.read_text() for path in (ROOT / "scripts").glob("*.py"))
    for name in names:
        assert re.search(rf"^(?:from|import) {name.replace('-', '_')}\b", scripts, re.MULTILINE)


def check_paths(arguments: Sequence[str]) -> None:
    """Check that the files exist that arguments name, alone or as `PATH:PATH,PATH`."""
    for path in re.split("[ :,]", " ".join(arguments)):
        assert (ROOT / path).is_file(), path


def check_script(program: str, arguments: Sequence[str]) -> None:
    """Check the options of a script, and the words by which cases of a benchmark are selected."""
    source = SCRIPTS[program].read_text(encoding="utf-8")
    options = dict(re.findall(r'add_argument\("(--[\w-]+)"(.*)', source))
    options |= dict.fromkeys(re.findall(r'^ +"(--[\w-]+)",$', source, re.MULTILINE), "store_true")
    figures = json.loads((ROOT / "docs" / "performance.json").read_text(encoding="utf-8"))
    words = iter(arguments)
    for word in words:
        if not word.startswith("--"):
            assert any(word in case for case in figures["cases"]), word
        elif "store_true" not in options[word]:
            next(words)


def check_unit(text: str) -> None:
    """Check a systemd unit: its directives, its commands, and the time it has to stop."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            assert name in UNIT_DIRECTIVES[section], line
            found.setdefault(name, []).append(value)
    commands = found["ExecStart"] + found.get("ExecStartPre", [])
    for name, _, _ in (each.partition("=") for each in found.get("Environment", [])):
        check_variable(name)
    for command in commands:
        program, *words = shlex.split(command.replace("%i", "1"))
        assert program == f"{found['WorkingDirectory'][0]}/bin/agentkit"
        options = parse_agentkit(words)
        stops_after = options.get("drain") or options.get("grace") or 0
        assert float(found["TimeoutStopSec"][0]) > stops_after
        if "StateDirectory" in found:  # the only folder that it may write to
            assert options["db"].startswith(f"sqlite:///var/lib/{found['StateDirectory'][0]}/")


def check_dockerfile(text: str) -> None:
    """Check a Dockerfile: its files, its user, its port, and its commands."""
    instructions = [line.partition(" ")[::2] for line in text.splitlines()]
    values = {name: value for name, value in instructions if name != "RUN"}
    copied = {value.split()[0] for name, value in instructions if name == "COPY"}
    runs = [shlex.split(value) for name, value in instructions if name == "RUN"]
    known = {"FROM", "RUN", "COPY", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {name for name, _ in instructions} <= known
    program, *words = json.loads(values["CMD"])
    assert program == "agentkit"
    options = parse_agentkit(words)
    if "FROM" not in values:  # an excerpt
        return
    assert options["target"] in copied
    assert options["port"] == int(values["EXPOSE"])
    assert ["useradd", "--create-home", values["USER"]] in runs
    assert ["pip", "install", "--no-cache-dir", "-r", "requirements.txt"] in runs
    assert "requirements.txt" in copied
    program, flag, code = json.loads(values["HEALTHCHECK"].removeprefix("CMD "))
    assert (program, flag) == ("python", "-c")
    ast.parse(code)
    (url,) = re.findall(r"http://[^']+", code)
    assert urlsplit(url).port == options["port"]
    assert urlsplit(url).path in OPEN_PATHS


def check_nginx(text: str) -> None:
    """Check a configuration of nginx: its form, its directives, and that no stream is cut."""
    values = {}
    depth = 0
    for line in text.splitlines():
        found = re.fullmatch(r"\s*(?:(?P<name>\w+) (?P<value>\S+)(?P<end>;| \{)|\})", line)
        assert found, line
        if found["name"] is None:
            depth -= 1
            continue
        depth += found["end"] == " {"
        assert NGINX_DIRECTIVES[found["name"]].fullmatch(found["value"]), line
        values[found["name"]] = found["value"]
    assert depth == 0
    assert values.keys() == NGINX_DIRECTIVES.keys()
    assert int(values["proxy_read_timeout"][:-1]) > ServiceSettings().ping_seconds


def check_librechat(text: str) -> None:
    """Check an entry of `librechat.yaml`."""
    for endpoint in yaml.safe_load(text)["endpoints"]["custom"]:
        assert set(_keys(endpoint)) <= LIBRECHAT_FIELDS
        assert endpoint["baseURL"].endswith("/v1")
        assert endpoint["models"]["default"]


def check_json(text: str) -> None:
    """Check JSON; in the configuration of an MCP client, the command that starts the server."""
    value = json.loads(text)
    for server in value.get("mcpServers", {}).values():
        assert server["command"] == "agentkit"
        parse_agentkit(server["args"])


def check_catalog(text: str) -> None:
    """Check a catalog of a user, which is merged over that of the package."""
    with NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        assert load_catalog(Path(file.name)).keys() >= tomllib.loads(text).keys()


def check_peer(text: str) -> None:
    """Check a program for another framework: its names are those that a benchmark imports."""
    imported = dict(_imports(text))
    programs = (path.read_text() for path in (ROOT / "benchmarks" / "peers").glob("with_*.py"))
    known = [set(_imports(program)) for program in programs]
    assert any(set(imported.items()) <= names for names in known), imported


def _imports(text: str) -> Iterator[tuple[str, str]]:
    """Yield each imported name, with its module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.name, str(node.module)) for alias in node.names)


def _keys(value: object) -> Iterator[str]:
    """Yield the keys of an object and of those in it."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield str(key)
        yield from _keys(inner)
