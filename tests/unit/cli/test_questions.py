"""A question in place of a command, and what is piped in with it."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit.cli.main import main

AGENT = """
import json
from pathlib import Path
from agentkit import Agent
from agentkit.testing import ScriptedModel

class Recorder(ScriptedModel):
    async def chat(self, request, *, emit):
        message = request.history[-1]
        kinds = [block.type for block in message.content]
        asked = {"text": message.text, "kinds": kinds, "instructions": request.instructions}
        Path(__file__).with_name("asked.json").write_text(json.dumps(asked))
        return await super().chat(request, emit=emit)

def build(model, tools=()):
    return Agent(Recorder("Received."))

answering = Agent(ScriptedModel('{"name": "Ada", "year": 1815}'))
wrong = Agent(ScriptedModel(*["{}"] * 9))
"""

Ask = Callable[..., tuple[int, str, str]]
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 16


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Return a function that runs a command line with some standard input."""
    (tmp_path / "mine.py").write_text(AGENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))

    def run(*words: str, piped: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agentkit", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(piped))
        code = main()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def asked(folder: Path) -> dict[str, object]:
    """Return what the model was asked."""
    found: dict[str, object] = json.loads((folder / "asked.json").read_text())
    return found


PROMPTS = {
    "a question": (("What is 6 * 7?",), "", "What is 6 * 7?"),
    "a question and a pipe": (("Sum this up",), "PINEAPPLE\n", "Sum this up\n\nPINEAPPLE\n"),
    "run and a pipe": (("run", "Sum up"), "PINEAPPLE", "Sum up\n\nPINEAPPLE"),
    "a pipe alone": (("run",), "PINEAPPLE", "PINEAPPLE"),
    "a pipe by a dash": (("run", "-"), "PINEAPPLE", "PINEAPPLE"),
    "an empty pipe": (("run", "Sum up"), " \n", "Sum up"),
    "one word after run": (("run", "Hello"), "", "Hello"),
}


@pytest.mark.parametrize(("words", "piped", "prompt"), PROMPTS.values(), ids=PROMPTS.keys())
def test_question_and_piped_text_are_sent(
    ask: Ask, tmp_path: Path, words: tuple[str, ...], piped: str, prompt: str
) -> None:
    """The piped text comes after the question."""
    code, out, err = ask(*words, "--agent", "mine.py:build", piped=piped)

    assert (code, out) == (0, "Received.\n"), err
    assert asked(tmp_path)["text"] == prompt


def test_a_question_may_begin_with_a_dash(ask: Ask) -> None:
    """After `--`, as for every program."""
    code, out, err = ask("--", "-5 + 3 is what?")

    assert (code, bool(out)) == (0, True), err


UNKNOWN = {
    "a typing error": (("agnets",), "Did you mean 'agents'"),
    "nothing similar": (("xyzzy",), "There is no command 'xyzzy'. A question needs quotation"),
    "a question without quotation marks": (("What", "is", "it?"), "agentkit run 'What'"),
    "an empty word": (("",), "There is no command ''"),
}


@pytest.mark.parametrize(("words", "message"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_one_unknown_word_is_no_question(ask: Ask, words: tuple[str, ...], message: str) -> None:
    """It is more likely a mistyped command, and nothing is sent."""
    code, out, err = ask(*words)

    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


def test_a_command_comes_before_a_question(ask: Ask) -> None:
    """`agents` is not asked to a model."""
    assert "assistant" in ask("agents")[1]


def test_without_a_command_a_short_screen_is_shown(ask: Ask) -> None:
    """What it is, three things to try, where the documentation is."""
    code, out, err = ask()

    assert (code, err) == (0, "")
    assert out.startswith("agentkit ")
    assert out.count("\n  agentkit ") == 3
    assert "Documentation: " in out
    assert max(map(len, out.splitlines())) <= 80


def test_instructions_are_sent(ask: Ask, tmp_path: Path) -> None:
    """As the system prompt."""
    ask("run", "hi", "--agent", "mine.py:build", "--instructions", "Answer in rhyme.")

    assert asked(tmp_path)["instructions"] == "Answer in rhyme."


def test_files_are_added_to_the_question(ask: Ask, tmp_path: Path) -> None:
    """Text with the name of its file; images as images."""
    (tmp_path / "notes.txt").write_text("\ufeffBuy milk.", encoding="utf-8")
    (tmp_path / "chart.png").write_bytes(PNG)

    code, _, err = ask(
        "run", "What is it?", "--agent", "mine.py:build", "-f", "notes.txt", "--attach", "chart.png"
    )

    assert code == 0, err
    assert asked(tmp_path) == {
        "text": "What is it?\n\nThe file notes.txt:\n\nBuy milk.",
        "kinds": ["text", "image"],
        "instructions": "",
    }


def test_a_file_that_is_neither_text_nor_an_image_is_an_error(ask: Ask, tmp_path: Path) -> None:
    """Nothing is sent."""
    (tmp_path / "data.bin").write_bytes(b"\xff\xfe\x00\x81")

    code, _, err = ask("run", "What is it?", "--agent", "mine.py:build", "-f", "data.bin")

    assert code == 2
    assert "neither text in UTF-8 nor a PNG, JPEG, GIF or WebP image" in err
    assert not (tmp_path / "asked.json").exists()


SCHEMAS = {
    "fields": "name, year int",
    "JSON": '{"type": "object", "properties": {"name": {"type": "string"}, '
    '"year": {"type": "integer"}}, "required": ["name", "year"]}',
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_schema_gives_json(ask: Ask, schema: str) -> None:
    """Only JSON on standard output, and exit code 0 only if it is valid."""
    code, out, _ = ask("run", "Who?", "--agent", "mine.py:answering", "--schema", schema)
    wrong, nothing, err = ask("run", "Who?", "--agent", "mine.py:wrong", "--schema", schema)

    assert (code, json.loads(out)) == (0, {"name": "Ada", "year": 1815})
    assert (wrong, nothing) == (1, "")
    assert "agentkit: " in err
