"""Commands of a shell, isolated by bubblewrap.

In:  the folder in which they run, and what the caller allows.
Out: `shell(folder)`: the tools `shell` and `shell_output`.

What a command can reach is decided in `isolation`. Without bubblewrap there is no tool.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Annotated, Literal

from pydantic import Field

from agentkit import RunContext, Tool, ToolError, tool
from agentkit.tools.tool_options import Decision
from agentkit_tools.isolation import CommandLimits, Isolation, check_isolation, run_isolated
from agentkit_tools.isolation.command import CommandEnded
from agentkit_tools.isolation.kept_output import KeptOutputs

__all__ = ["CommandResult", "describe_end", "shell"]

_PROGRESS_SECONDS = 0.25
_PROGRESS_CHARACTERS = 200
_CLEANUP_SECONDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a command ended.

    Attributes:
        exit_code: 0 for success; 128 and more if a signal ended it; null if it was killed.
        killed: the limit that it exceeded: time, memory, disk or output; null if none.
        output: standard output and standard error; cut in the middle if it is long.
        output_id: for shell_output, if lines are left out.
        note: what was done about a limit, and how to go on.
    """

    exit_code: int | None
    killed: Literal["timeout", "memory", "disk", "output"] | None
    output: str
    output_id: str | None = None
    note: str | None = None


def shell(
    folder: str | Path,
    *,
    allow_write: bool = False,
    network: bool = False,
    readable: Sequence[str | Path] = (),
    limits: CommandLimits | None = None,
    approval: Decision | None = None,
) -> tuple[Tool, ...]:
    """Return the tools for commands in `folder`.

    Args:
        folder: an existing folder of one project; not a home, not a part of the system.
        allow_write: whether commands may write to it; `/tmp` can be written in any case.
        network: whether commands share the network of this machine, loopback included.
        readable: further folders that commands may read.
        limits: of each command.
        approval: whether each command needs approval; by default if it may write or has network.

    Raises:
        ConfigError: commands cannot be isolated here, or a folder cannot be used.
    """
    check_isolation()
    isolation = Isolation.at(
        folder, readable=readable, network=network, is_writable=allow_write, limits=limits
    )
    has_effects = isolation.has_effects
    runner = _Shell(isolation=isolation)
    seconds = isolation.limits.seconds
    run = tool(
        runner.shell,
        description=_describe(isolation),
        destructive=allow_write,
        idempotent=not has_effects,
        open_world=network,
        approval=approval or ("ask" if has_effects else "allow"),
        timeout_seconds=seconds + _CLEANUP_SECONDS,
        tags=("shell",),
    )
    read = tool(
        runner.shell_output, read_only=True, idempotent=True, open_world=False, tags=("shell",)
    )
    return run, read


def _describe(isolation: Isolation) -> str:
    """Return the description of the tool, with what holds in this isolation."""
    limits = isolation.limits
    folder, network = isolation.access
    return (
        f"Run a shell command in the work folder, isolated: the folder {folder}, {network}. "
        f"It is killed after {limits.seconds:g} s. It cannot ask: nothing can be typed."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shell:
    """The tools, bound to their folder."""

    isolation: Isolation
    outputs: KeptOutputs = field(default_factory=KeptOutputs)

    async def shell(  # noqa: D417 - the docstring is for the model, which gives no context
        self,
        context: RunContext,
        command: Annotated[str, Field(min_length=1, max_length=20_000, examples=["ls -la"])],
    ) -> CommandResult:
        """Run a shell command in the work folder.

        Args:
            command: what `sh -c` runs, e.g. "python -m pytest -q tests".
        """
        if "\0" in command:
            raise ToolError("The command has a zero character, which no command can have.")
        progress = _Progress(context=context)
        ended = await run_isolated(
            self.isolation, ["/bin/sh", "-c", command], on_output=progress.report
        )
        return describe_end(ended, self.isolation.limits, self.outputs, "shell_output")

    def shell_output(
        self,
        output_id: Annotated[str, Field(max_length=40)],
        first_line: Annotated[int, Field(ge=1)] = 1,
    ) -> str:
        """Read the lines that were left out of the output of a command.

        Args:
            output_id: as the result of the command has it.
            first_line: the line to begin with, counted from 1.
        """
        return self.outputs.read(output_id, first_line)


@dataclass(slots=True, kw_only=True)
class _Progress:
    """Reports how much a command has printed, and the last of it."""

    context: RunContext
    bytes_printed: int = 0
    last_report: float = 0

    async def report(self, chunk: bytes) -> None:
        """Report a piece of output, but not more often than a person can read."""
        self.bytes_printed += len(chunk)
        now = monotonic()
        if now - self.last_report >= _PROGRESS_SECONDS:
            self.last_report = now
            text = chunk[-_PROGRESS_CHARACTERS:].decode("utf-8", "replace")
            await self.context.report_progress(self.bytes_printed, message=text)


def describe_end(
    ended: CommandEnded, limits: CommandLimits, outputs: KeptOutputs, reader: str
) -> CommandResult:
    """Return what a model should know about how a command ended.

    Args:
        ended: how it ended.
        limits: those it had.
        outputs: where a long output is kept.
        reader: the tool that reads the rest.
    """
    shown = outputs.show(ended.output)
    notes = []
    match ended.killed:
        case "timeout":
            notes.append(f"It ran longer than {limits.seconds:g} s and was killed.")
        case "memory":
            notes.append(f"It used more than {limits.memory_bytes:,} bytes and was killed.")
        case "disk":
            notes.append(f"It wrote more than {limits.disk_bytes:,} bytes and was killed.")
        case "output":
            notes.append(f"It printed more than {limits.output_bytes:,} bytes and was killed.")
        case None:
            pass
    if shown.first_hidden_line is not None:
        notes.append(
            f"Read the rest with {reader}(output_id=…, first_line={shown.first_hidden_line})."
        )
    return CommandResult(
        exit_code=ended.exit_code,
        killed=ended.killed,
        output=shown.text,
        output_id=shown.output_id,
        note=" ".join(notes) or None,
    )
