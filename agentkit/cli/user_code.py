"""Load what a word of the command line names in the user's own code.

In:  `module:name`, `file.py`, `file.py:name`.
Out: the object, or the module if no name is given; a `ConfigError` that says what is wrong.
"""

import difflib
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from agentkit.errors import AgentKitError, ConfigError, ToolDefinitionError

_OURS = str(Path(__file__).parent.parent)
_FILE_MODULES = "agentkit_user_"
_LIBRARIES = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_READY_MADE = ("agentkit_tools", "agentkit_agents")


def load_named(word: str, *, what: str, known: Iterable[str]) -> object:
    """Return what `word` names.

    Args:
        word: `module:name`, `file.py` or `file.py:name`; modules are also looked for in the current
            folder.
        what: what is wanted, e.g. "tools", for the message.
        known: the ready-made names, for the message.

    Raises:
        ConfigError: it names nothing, or its code fails while it is loaded.
    """
    place, _, name = word.rpartition(":") if ":" in word else (word, "", "")
    if not place.endswith(".py") and not name:
        raise ConfigError(_not_known(word, what=what, known=list(known)))
    try:
        module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    except ToolDefinitionError as error:  # the user's code, at a line of theirs
        raise ConfigError(
            f"{place!r} cannot be loaded for {what}: {describe_failure(error)}."
        ) from error
    except ConfigError:
        raise
    # The user's code runs here: it may raise anything, and a script may end with `sys.exit()`.
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{place!r} cannot be loaded for {what}: {describe_failure(error)}."
        ) from error
    if not name:
        return module
    try:
        found: object = getattr(module, name)
    except AttributeError as error:
        close = difflib.get_close_matches(name, vars(module), n=3)
        hint = f"; similar: {', '.join(close)}" if close else ""
        raise ConfigError(f"{place!r} has no {name!r}{hint}.") from error
    return found


def describe_failure(error: BaseException) -> str:
    """Return what the user's own code raised and at which line, without a full stop."""
    if isinstance(error, AgentKitError):
        text = str(error)
    elif isinstance(error, SystemExit):
        text = f"it ended with sys.exit({error.code!r})"
    else:
        text = f"{type(error).__name__}: {error}"
    for frame in traceback.extract_tb(error.__traceback__):
        if not _is_agentkit(frame.filename) and not _is_library(frame.filename):
            return f"{text.rstrip('.')} ({Path(frame.filename).name}, line {frame.lineno})"
    return text.rstrip(".")


def is_user_error(error: BaseException) -> bool:
    """Return whether an exception comes from the user's code, or from a library it called."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_agentkit(frame.filename):
            return False
        if not _is_library(frame.filename):
            return True
    return False


def _is_agentkit(filename: str) -> bool:
    parts = Path(filename).parts
    return filename.startswith(_OURS) or any(name in parts for name in _READY_MADE)


def _is_library(filename: str) -> bool:
    """Return whether a file belongs to Python or to an installed package, or is no file."""
    return filename.startswith(("<", *_LIBRARIES))


def _load_module(name: str) -> ModuleType:
    _add_to_path(Path.cwd())
    return import_module(name)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"There is no file {str(path)!r}.")
    _add_to_path(path.resolve().parent)
    name = f"{_FILE_MODULES}{path.stem}"
    loader = SourceFileLoader(name, str(path))
    spec = ModuleSpec(name, loader, origin=str(path.resolve()))
    spec.has_location = True  # so that the module has a `__file__`
    module = module_from_spec(spec)
    # Dataclasses and pydantic look their module up by name.
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _add_to_path(folder: Path) -> None:
    """Let the user's code import modules of its own folder."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _not_known(word: str, *, what: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    verb = "are" if what == "tools" else "is"
    return (
        f"There {verb} no ready-made {what} {word!r}; there {verb} {', '.join(known)}. "
        f"For your own write 'module:name', 'file.py' or 'file.py:name'.{hint}"
    )
