"""Tools that print, read and start programs, where only the protocol may be read and written."""

import os
import subprocess
import sys

import anyio

from agentkit import tool


@tool
def shout() -> str:
    """Print in every way there is."""
    print("printed")  # noqa: T201 - what is tested
    sys.stdout.write("written\n")
    os.write(1, b"by descriptor\n")
    subprocess.run(["/bin/echo", "by a child"], check=True)
    return "shouted"


@tool
def listen() -> str:
    """Read what is not there."""
    return f"read {sys.stdin.read()!r}"


@tool
async def hang() -> None:
    """Wait, and leave a sign of having been stopped."""
    await anyio.Path("begun").touch()
    try:
        await anyio.sleep_forever()
    finally:
        await anyio.Path("cleaned").touch()
