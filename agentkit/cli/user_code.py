"""Load what a word of the command line names in a user's own code.

In:  `module:name`, `file.py`, `file.py:name`.
Out: the object, or the module if no name is given; a `ConfigError` that says what is wrong.
"""

import difflib
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from agentkit.errors import AgentKitError, ConfigError

_OURS = str(Path(__file__).parent.parent)


def load_named(word: str, *, what: str, known: Iterable[str]) -> object:
    """Return what `word` names.

    Args:
        word: `module:name`, `file.py` or `file.py:name`; modules are looked for in the current
            folder too.
        what: what is asked for, e.g. "tools", for the message.
        known: the ready-made names, for the message.

    Raises:
        ConfigError: it names nothing, or its code fails while it is loaded.
    """
    place, _, name = word.rpartition(":") if ":" in word else (word, "", "")
    if not place.endswith(".py") and not name:
        raise ConfigError(_not_known(word, what=what, known=list(known)))
    try:
        module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    except ConfigError:
        raise
    except Exception as error:  # a stranger's code runs here, and may raise anything
        raise ConfigError(
            f"{place!r} cannot be loaded for {what}: {describe_failure(error)}."
        ) from error
    if not name:
        return module
    try:
        found: object = getattr(module, name)
    except AttributeError as error:
        close = difflib.get_close_matches(name, vars(module), n=3)
        hint = f"; close are {', '.join(close)}" if close else ""
        raise ConfigError(f"{place!r} has no {name!r}{hint}.") from error
    return found


def describe_failure(error: Exception) -> str:
    """Say what a user's own code raised, and at which line of theirs, without a full stop."""
    told = str(error) if isinstance(error, AgentKitError) else f"{type(error).__name__}: {error}"
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith((_OURS, "<")):
            return f"{told.rstrip('.')} ({Path(frame.filename).name}, line {frame.lineno})"
    return told.rstrip(".")


def _load_module(name: str) -> ModuleType:
    _look_in(Path.cwd())
    return import_module(name)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"There is no file {str(path)!r}.")
    _look_in(path.resolve().parent)
    name = f"agentkit_user_{path.stem}"
    loader = SourceFileLoader(name, str(path))
    module = module_from_spec(ModuleSpec(name, loader, origin=str(path)))
    # Dataclasses and pydantic look their module up by name.
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _look_in(folder: Path) -> None:
    """Let the user's code import what lies beside it."""
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
