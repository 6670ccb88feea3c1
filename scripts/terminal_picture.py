"""Draw terminal sessions as pictures: the commands are run, and what they print is drawn.

In:  the first program of README.md, and the commands below.
Out: docs/images/terminal.svg and doctor.svg.

    python scripts/terminal_picture.py

The picture's description (`desc`) holds its text, for screen readers and for the test that runs the
commands again.
"""

import fcntl
import html
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ROWS = 40

_PROGRAM = re.compile(r"```python\n# (?P<name>\w+\.py)\n(?P<body>.*?)```", re.DOTALL)
_SEQUENCE = re.compile(r"\x1b\[(?P<parameters>[0-9;?]*)(?P<final>[A-Za-z])")
_CHARACTER_WIDTH, _LINE_HEIGHT, _MARGIN = 8.4, 20, 16
_COLORS = {"31": "#e06c75", "32": "#98c379", "33": "#e5c07b", "34": "#61afef", "36": "#56b6c2"}
_FOREGROUND, _BACKGROUND, _DIM = "#d7dae0", "#21252b", "#8b919c"


class Picture(NamedTuple):
    """A terminal session to draw.

    Attributes:
        name: the name of the file, without its ending.
        columns: the width of the terminal.
    """

    name: str
    title: str
    columns: int
    commands: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Return where the picture is."""
        return ROOT / "docs" / "images" / f"{self.name}.svg"


PICTURES = (
    Picture(
        "terminal",
        "A terminal session with agentkit",
        80,
        (
            'agentkit "What is 12.5% of 640, plus the square root of 1764?"',
            'agentkit run "What is the weather in Rome?" --agent weather.py',
            'agentkit run "Hello" --model openrouter',
        ),
    ),
    Picture(
        "doctor",
        "What agentkit doctor found out about a provider",
        118,
        ("agentkit doctor sandbox:mixtral-8x22b --dry-run",),
    ),
)


class Cell(NamedTuple):
    """A character and the codes of its style."""

    character: str
    style: frozenset[str]


class Screen:
    """What a terminal shows: enough of one for the output of agentkit."""

    def __init__(self) -> None:
        self.lines: list[list[Cell]] = [[]]
        self._row = self._column = 0
        self._style: frozenset[str] = frozenset()

    def write(self, text: str) -> None:
        """Show text with escape sequences."""
        position = 0
        while position < len(text):
            found = _SEQUENCE.match(text, position)
            if found is None:
                self._put(text[position])
                position += 1
            else:
                self._obey(found["parameters"], found["final"])
                position = found.end()

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._row += 1
            while self._row >= len(self.lines):
                self.lines.append([])
        else:
            line = self.lines[self._row]
            line += [Cell(" ", frozenset())] * (self._column + 1 - len(line))
            line[self._column] = Cell(character, self._style)
            self._column += 1

    def _obey(self, parameters: str, final: str) -> None:
        if final == "m":
            codes = frozenset(parameters.split(";")) - {"", "0"}
            is_reset = parameters in ("", "0")
            self._style = frozenset() if is_reset else self._style | codes
        elif final == "A":
            self._row = max(0, self._row - int(parameters or 1))
        elif final == "K":
            line = self.lines[self._row]
            del line[0 if parameters == "2" else self._column :]


def session(picture: Picture) -> Screen:
    """Run the commands of a picture on a terminal and return what it shows."""
    screen = Screen()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = _PROGRAM.search((ROOT / "README.md").read_text(encoding="utf-8"))
        if program is None:
            raise SystemExit("README.md has no program that begins with its file name.")
        (folder / program["name"]).write_text(program["body"], encoding="utf-8")
        for command in picture.commands:
            screen.write(f"\x1b[1m$ {command}\x1b[0m\r\n")
            screen.write(_run(command, folder, columns=picture.columns))
    return screen


def _run(command: str, folder: Path, *, columns: int) -> str:
    """Run a command on a terminal of its own and return all that it prints."""
    agentkit = f'agentkit() {{ "{sys.executable}" -P -m agentkit "$@"; }}'
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    environment = {"HOME": str(folder), "PATH": os.defpath, "TERM": "xterm", "PYTHONUTF8": "1"}
    with subprocess.Popen(  # noqa: S603 - one of the commands above
        ["/bin/sh", "-c", f"{agentkit}\n{command}"],
        cwd=folder,
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path[1:])},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    return shown.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other side is closed
        return b""


def text_of(screen: Screen) -> str:
    """Return the text of a screen, without times and numbers of tokens, which differ by machine."""
    lines = ("".join(cell.character for cell in line).rstrip() for line in screen.lines)
    text = "\n".join(lines).strip()
    return re.sub(r"[\d,]+ tokens", "… tokens", re.sub(r"\(\d+ ms\)", "(… ms)", text))


def draw(screen: Screen, picture: Picture) -> str:
    """Return an SVG picture of a screen."""
    lines = [line for line in screen.lines if line]
    width = picture.columns * _CHARACTER_WIDTH + 2 * _MARGIN
    height = len(lines) * _LINE_HEIGHT + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{html.escape(picture.title)}</title>",
        f"<desc>{html.escape(text_of(screen))}</desc>",
        f'<rect width="100%" height="100%" rx="8" fill="{_BACKGROUND}"/>',
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">',
    ]
    for number, line in enumerate(lines):
        parts += _draw_line(line, baseline=_MARGIN + (number + 0.75) * _LINE_HEIGHT)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _draw_line(line: list[Cell], *, baseline: float) -> Iterator[str]:
    """Yield the runs of one style of a line."""
    column = 0
    for style, cells in groupby(line, key=lambda cell: cell.style):
        text = "".join(cell.character for cell in cells)
        color = next((_COLORS[code] for code in style if code in _COLORS), _FOREGROUND)
        weight = ' font-weight="bold"' if "1" in style else ""
        for words in re.finditer(r"\S+(?: \S+)*", text):  # viewers differ about several spaces
            yield (
                f'<text x="{_MARGIN + (column + words.start()) * _CHARACTER_WIDTH:g}" '
                f'y="{baseline:g}" textLength="{len(words[0]) * _CHARACTER_WIDTH:g}" '
                f'fill="{_DIM if "2" in style else color}"{weight}>{html.escape(words[0])}</text>'
            )
        column += len(text)


if __name__ == "__main__":
    for each in PICTURES:
        each.path.parent.mkdir(exist_ok=True)
        each.path.write_text(draw(session(each), each), encoding="utf-8")
