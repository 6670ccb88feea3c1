"""Python as it is installed, with its packages, isolated by bubblewrap.

In:  the folder in which code runs, and what the caller allows.
Out: `cpython(folder)`: the tools `cpython` and `cpython_output`.

Open figures of matplotlib are returned as PNG images. Everything that comes out of the isolation
is checked as untrusted data.
"""

import base64
import binascii
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from agentkit import (
    ContentBlock,
    ImageContent,
    RunContext,
    TextContent,
    Tool,
    ToolResult,
    tool,
)
from agentkit.tools.tool_options import Decision
from agentkit_tools.isolation import CommandLimits, Isolation, check_isolation, run_isolated
from agentkit_tools.isolation.kept_output import KeptOutputs
from agentkit_tools.shell import CommandResult, describe_end

__all__ = ["cpython"]

MAX_IMAGES = 4
MAX_IMAGE_BYTES = 2_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_CLEANUP_SECONDS = 15

# It runs inside: the code from standard input, its last expression as text, its figures. It is
# passed as an argument, so that no file of the folder can take its place.
_RUNNER = f"""
import ast, base64, io, json, os, sys
out = int(sys.argv[1])
sys.argv = ["<code>"]
tree = ast.parse(sys.stdin.read(), "<code>")
last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
names = {{"__name__": "__main__"}}
sys.path.insert(0, os.getcwd())
exec(compile(tree, "<code>", "exec"), names)
if last is not None:
    value = eval(compile(ast.Expression(last.value), "<code>", "eval"), names)
    if value is not None:
        print(value)
images = []
if "matplotlib.pyplot" in sys.modules:
    plots = sys.modules["matplotlib.pyplot"]
    for number in plots.get_fignums()[:{MAX_IMAGES}]:
        data = io.BytesIO()
        plots.figure(number).savefig(data, format="png", dpi=80)
        images.append(base64.b64encode(data.getvalue()).decode())
sys.stdout.flush()
os.write(out, json.dumps(images).encode())
"""


def cpython(
    folder: str | Path,
    *,
    allow_write: bool = False,
    network: bool = False,
    readable: Sequence[str | Path] = (),
    limits: CommandLimits | None = None,
    approval: Decision | None = None,
) -> tuple[Tool, ...]:
    """Return the tools that run isolated Python in `folder`.

    Args:
        folder: an existing folder of one project.
        allow_write: whether code may write to it; `/tmp` can be written in any case.
        network: whether code shares the network of this machine, loopback included.
        readable: further folders that code may read.
        limits: of each call.
        approval: whether each call needs approval; by default if it may write or has network.

    Raises:
        ConfigError: code cannot be isolated here, or a folder cannot be used.
    """
    check_isolation()
    isolation = Isolation.at(
        folder, readable=readable, network=network, is_writable=allow_write, limits=limits
    )
    has_effects = isolation.has_effects
    runner = _Runner(isolation=isolation)
    wanted = tool(runner.run)
    run = Tool.from_schema(
        name="cpython",
        description=_describe(isolation),
        input_schema=wanted.input_schema,
        output_schema=TypeAdapter(CommandResult).json_schema(),
        handler=runner.handle,
        read_only=not has_effects,
        destructive=allow_write,
        idempotent=not has_effects,
        open_world=network,
        approval=approval or ("ask" if has_effects else "allow"),
        timeout_seconds=isolation.limits.seconds + _CLEANUP_SECONDS,
        tags=("python",),
    )
    read = tool(
        runner.cpython_output, read_only=True, idempotent=True, open_world=False, tags=("python",)
    )
    return run, read


def _describe(isolation: Isolation) -> str:
    folder, network = isolation.access
    return (
        "Run Python code with the installed packages, and return what it prints, its last "
        "expression, and the figures of matplotlib as images. It works in the work folder, which "
        f"{folder}; {network}. It is killed after {isolation.limits.seconds:g} s."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runner:
    """The tools, bound to their folder."""

    isolation: Isolation
    outputs: KeptOutputs = field(default_factory=KeptOutputs)

    async def handle(self, context: RunContext, arguments: Mapping[str, Any]) -> ToolResult:
        """Run code as `run` does, and add its images to the result."""
        result, images = await self.run(str(arguments["code"]))
        structured = asdict(result)
        text = TextContent(json.dumps(structured, ensure_ascii=False))
        content: list[ContentBlock] = [text, *images]
        return ToolResult(context.call_id, content, structured_content=structured)

    async def run(
        self,
        code: Annotated[
            str, Field(min_length=1, max_length=50_000, examples=["print(open('a.csv').read())"])
        ],
    ) -> tuple[CommandResult, list[ImageContent]]:
        """Run Python code.

        Args:
            code: a complete program; nothing of an earlier call is known to it.
        """
        results = os.memfd_create("results")
        try:
            # Not isolated mode (-I), which would not see the packages of a virtual environment's
            # own configuration; the environment variables are ours.
            ended = await run_isolated(
                self.isolation,
                [sys.executable, "-P", "-c", _RUNNER, str(results)],
                stdin=code.encode("utf-8", "replace"),
                pass_fds=[results],
            )
            images = _images(os.pread(results, 2 * MAX_IMAGES * MAX_IMAGE_BYTES, 0))
        finally:
            os.close(results)
        return describe_end(ended, self.isolation.limits, self.outputs, "cpython_output"), images

    def cpython_output(
        self,
        output_id: Annotated[str, Field(max_length=40)],
        first_line: Annotated[int, Field(ge=1)] = 1,
    ) -> str:
        """Read the lines that were left out of what Python code printed.

        Args:
            output_id: as the result of the code has it.
            first_line: the line to begin with, counted from 1.
        """
        return self.outputs.read(output_id, first_line)


def _images(data: bytes) -> list[ImageContent]:
    """Return the PNG images in what code left; anything else is ignored."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return []
    images = []
    for text in found[:MAX_IMAGES] if isinstance(found, list) else []:
        try:
            image = base64.b64decode(text, validate=True)
        except (TypeError, ValueError, binascii.Error):
            continue
        if image.startswith(_PNG) and len(image) <= MAX_IMAGE_BYTES:
            images.append(ImageContent(data=text, mime_type="image/png"))
    return images
