"""Skills: folders with a `SKILL.md`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentkit import Agent, ConfigError, ToolError
from agentkit.cli.agent_builder import AgentSelection, build_agent
from agentkit.cli.app import app
from agentkit.testing import ScriptedModel, tool_call
from agentkit_tools.skills import load_skills
from agentkit_tools.skills.front_matter import read_front_matter

TEXT = """---
name: {name}
description: {description}
license: MIT
---

# {name}

Read `forms/a.md` first.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Build a folder with two skills, next to a secret."""
    (tmp_path / "secret.txt").write_text("the secret")
    root = tmp_path / "skills"
    for name, description in (("tax-return", "How to fill in a tax return."), ("pdf", "PDFs")):
        (root / name / "forms").mkdir(parents=True)
        text = TEXT.format(name=name, description=description)
        (root / name / "SKILL.md").write_text(text)
        (root / name / "forms" / "a.md").write_text("A" * 1_500)
    (root / "no-skill").mkdir()
    return root


def test_the_instructions_name_the_skills_and_no_more(folder: Path) -> None:
    """The rest is read on demand."""
    lines = load_skills(folder).instructions.splitlines()

    assert lines[1:] == ["- pdf: PDFs", "- tax-return: How to fill in a tax return."]


def test_a_skill_is_read_with_its_files(folder: Path) -> None:
    """Without its front matter; long files in parts."""
    (read_skill,) = load_skills(folder).tools

    text = read_skill("tax-return")
    first = read_skill("pdf", file="forms/a.md", max_characters=1_000)
    rest = read_skill("pdf", file="forms/a.md", offset=1_000)

    assert text.startswith("tax-return/SKILL.md, characters 0 to ")
    assert "# tax-return\n\nRead `forms/a.md` first." in text
    assert "license" not in text
    assert text.endswith("Other files of this skill: forms/a.md")
    assert "the rest: offset=1000" in first
    assert rest.endswith("\n" + "A" * 500)


@pytest.mark.parametrize("file", ["../secret.txt", "/etc/passwd", "link", "missing", "forms"])
def test_a_skill_cannot_be_left(folder: Path, file: str) -> None:
    """The errors are for the model."""
    (folder / "pdf" / "link").symlink_to(folder.parent / "secret.txt")
    (read_skill,) = load_skills(folder).tools

    with pytest.raises(ToolError):
        read_skill("pdf", file=file)
    with pytest.raises(ToolError, match="known are pdf, tax-return"):
        read_skill("../pdf")


@pytest.mark.parametrize(
    "text", ["no front matter", "---\nname: pdf\n---", "---\nname: A B\ndescription: x\n---", "---"]
)
def test_a_skill_without_a_name_or_a_description_is_an_error(folder: Path, text: str) -> None:
    """When it is loaded."""
    (folder / "pdf" / "SKILL.md").write_text(text)

    with pytest.raises(ConfigError, match="needs front matter"):
        load_skills(folder)


def test_two_skills_with_one_name_are_an_error(folder: Path) -> None:
    """So is a folder without skills."""
    with pytest.raises(ConfigError, match="two skills with the name 'pdf'"):
        load_skills(folder / "pdf", folder)
    with pytest.raises(ConfigError, match="has no skills"):
        load_skills(folder / "no-skill")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_skills(folder / "missing")


FRONT = {
    "plain": ("a: b c", {"a": "b c"}),
    "a comment": ("a: b # c", {"a": "b"}),
    "quoted": ("a: 'it''s: #1'", {"a": "it's: #1"}),
    "double quotes": (r'a: "say \"x\""', {"a": 'say "x"'}),
    "folded": ("a: >-\n  b\n  c\nd: e", {"a": "b c", "d": "e"}),
    "literal": ("a: |\n  b\n  c", {"a": "b\nc"}),
    "continued": ("a: b\n  c", {"a": "b c"}),
    "nested": ("a:\n  b: c\nd: e", {"a": "b: c", "d": "e"}),
    "an object of Python": ("a: !!python/name:os.system", {"a": "!!python/name:os.system"}),
}


@pytest.mark.parametrize(("text", "values"), FRONT.values(), ids=FRONT.keys())
def test_front_matter_is_read_as_skills_write_it(text: str, values: dict[str, str]) -> None:
    """And never executed."""
    found = read_front_matter(f"---\n{text}\n---\nbody\n---\nmore\n")

    assert found is not None
    assert dict(found.values) == values
    assert found.body == "body\n---\nmore"


async def test_an_agent_of_the_command_line_gets_the_skills(folder: Path) -> None:
    """Their names in its instructions, and the tool that reads them."""
    built = build_agent(AgentSelection(model="sandbox:mixtral-8x22b", skills=[folder]))
    agent: Agent[object] = built.agent
    model = ScriptedModel(tool_call("read_skill", name="pdf"), "Done.")

    result = await Agent(model, tools=[agent.toolset], instructions=agent.instructions).run("Go.")

    assert "- pdf: PDFs" in model.requests[0].instructions
    assert "# pdf" in result.history[2].text


def test_a_folder_without_skills_is_an_error_of_the_command_line(tmp_path: Path) -> None:
    """In one line."""
    result = CliRunner().invoke(app, ["run", "Hello", "--skills", str(tmp_path)])

    assert result.exit_code == 2
    assert "has no skills" in result.stderr
