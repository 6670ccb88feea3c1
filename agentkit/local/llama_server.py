"""Serve a GGUF file with llama.cpp's own server.

In:  a path, the part after the colon in `local:PATH.gguf`.
Out: the base URL of an OpenAI-compatible server on loopback, for the duration of a context, and
     whether the chat template of the weights takes tools.

llama.cpp comes with the package xllamacpp, the extra `local`. It is never loaded in this process.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

import anyio

from agentkit.config.profile import LaunchedServer
from agentkit.errors import ConfigError, MissingExtraError
from agentkit.local import llama_program
from agentkit.local.child_process import run_server

_MAGIC = b"GGUF"


@asynccontextmanager
async def launch(
    model: str,
    *,
    threads: int | None = None,
    context_window_tokens: int | None = None,
    start_timeout_seconds: float = 600.0,
) -> AsyncIterator[LaunchedServer]:
    """Start llama.cpp's server on the weights at `model`, yield it, and stop it afterwards.

    The server offers the OpenAI format below the URL, the Anthropic format at `/messages`, and raw
    text at `/completions`. It processes one request at a time; others wait.

    Args:
        model: path of a GGUF file; `~` is the user's home.
        threads: number of threads, 1 or more; None for one per core.
        context_window_tokens: prompt and answer together; None for the model's maximum, which takes
            gigabytes for large models.
        start_timeout_seconds: time limit for loading; large weights on a slow disk need minutes.

    Raises:
        ConfigError: the file does not exist, is not a GGUF file or cannot be loaded, or a number is
            too small.
        MissingExtraError: the extra `local` is not installed.
    """
    options = _given(threads=threads, context_window_tokens=context_window_tokens)
    path = await _find_weights(model)
    if find_spec("xllamacpp") is None:
        raise MissingExtraError(
            f"'local:{model}' needs the package 'xllamacpp', which is not installed; "
            "install 'mixtral-agentkit[local]'."
        )
    async with run_server(
        [sys.executable, "-P", llama_program.__file__, path, *options],
        name=f"llama.cpp's server for {path!r}",
        start_timeout_seconds=start_timeout_seconds,
    ) as announced:
        server = json.loads(announced)
        yield LaunchedServer(base_url=f"{server['url']}/v1", takes_tools=server["takes_tools"])


def _given(**numbers: int | None) -> list[str]:
    """Return the options that are set, as arguments of `llama_program.py`."""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ConfigError(f"{name!r} must be 1 or more, not {number}.")
    return [f"--{name}={number}" for name, number in numbers.items() if number is not None]


async def _find_weights(model: str) -> str:
    """Return the absolute path of the weights."""
    if not model:
        raise ConfigError("'local:' names no weights; write 'local:PATH.gguf'.")
    try:
        path = await (await anyio.Path(model).expanduser()).absolute()
        async with await path.open("rb") as file:
            magic = await file.read(len(_MAGIC))
    except (OSError, RuntimeError, ValueError) as error:  # no such file, user, or such a path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"Cannot read the weights at {model!r}: {reason}; write 'local:PATH.gguf'."
        ) from error
    if magic != _MAGIC:
        raise ConfigError(
            f"{model!r} is not a GGUF file; convert the weights with llama.cpp's tools first."
        )
    return str(path)
