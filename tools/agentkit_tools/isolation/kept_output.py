"""Long outputs: what a model sees of them, and the rest.

In:  what a command printed.
Out: `Shown`, cut in the middle, and an id with which the lines left out can be read.

The last outputs are kept in memory, up to a total size.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from agentkit import ToolError

_MAX_KEPT_CHARACTERS = 32_000_000
_MAX_LINE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a model sees of an output.

    Attributes:
        text: all of it, or its beginning and its end.
        output_id: the name of the complete output; None if nothing is left out.
        first_hidden_line: the first line that is left out.
    """

    text: str
    output_id: str | None = None
    first_hidden_line: int | None = None


@dataclass(slots=True, kw_only=True)
class KeptOutputs:
    """The last outputs of one tool.

    Attributes:
        max_shown: characters that a model sees at once.
    """

    max_shown: int = 12_000
    _outputs: "OrderedDict[str, list[str]]" = field(default_factory=OrderedDict)
    _size: int = 0

    def show(self, data: bytes) -> Shown:
        """Return what is shown of an output, and keep it if that is not all."""
        text = data.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        lines = [part for line in text.splitlines(keepends=True) for part in _parts(line)]
        text = "".join(lines)
        if len(text) <= self.max_shown:
            return Shown(text=text)
        output_id = self._keep(lines, len(text))
        start = _count_within(lines, self.max_shown // 2)
        end = len(lines) - _count_within(lines[::-1], self.max_shown // 2)
        note = f"[lines {start + 1} to {end} of {len(lines)} are left out]\n"
        return Shown(
            text="".join([*lines[:start], note, *lines[end:]]),
            output_id=output_id,
            first_hidden_line=start + 1,
        )

    def read(self, output_id: str, first_line: int) -> str:
        """Return lines of a kept output, from one line on.

        Raises:
            ToolError: it is not kept (any more), or has fewer lines.
        """
        lines = self._outputs.get(output_id)
        if lines is None:
            raise ToolError(
                f"There is no output {output_id!r} (any more); run it again and print less."
            )
        if first_line > len(lines):
            raise ToolError(f"The output has {len(lines)} lines; first_line is {first_line}.")
        rest = lines[first_line - 1 :]
        count = max(1, _count_within(rest, self.max_shown))
        text = "".join(rest[:count])
        if count < len(rest):
            text += f"[cut here; go on with first_line={first_line + count} of {len(lines)}]\n"
        return text

    def _keep(self, lines: list[str], size: int) -> str:
        output_id = secrets.token_hex(8)
        self._outputs[output_id] = lines
        self._size += size
        while self._size > _MAX_KEPT_CHARACTERS and len(self._outputs) > 1:
            _, oldest = self._outputs.popitem(last=False)
            self._size -= sum(map(len, oldest))
        return output_id


def _parts(line: str) -> list[str]:
    """Break a line that is too long to be shown at once."""
    if len(line) <= _MAX_LINE:
        return [line]
    parts = [line[at : at + _MAX_LINE] + "\n" for at in range(0, len(line), _MAX_LINE)]
    return [*parts[:-1], parts[-1].removesuffix("\n")]


def _count_within(lines: list[str], characters: int) -> int:
    """Return how many of the lines fit."""
    for count, line in enumerate(lines):
        characters -= len(line)
        if characters < 0:
            return count
    return len(lines)
