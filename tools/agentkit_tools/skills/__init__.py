"""Skills: folders with a `SKILL.md` that a model reads when a task needs it.

In:  a folder of skills, or one skill.
Out: `Skills`: a list of names and descriptions for the instructions, and the tool `read_skill`.

A skill is read on demand, so many of them take little of the window. It is the user's own text;
but what it holds is shown as the result of a tool and acted on by the model alone. Its tools are
the agent's, and their effects ask as always.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agentkit import ConfigError, Tool, ToolError, tool
from agentkit_tools.files.folder import Folder, PathFault
from agentkit_tools.files.text import decode_text, describe_bytes
from agentkit_tools.skills.front_matter import read_front_matter

__all__ = ["Skill", "Skills", "load_skills"]

FILE_NAME = "SKILL.md"
MAX_SKILLS = 50
MAX_DESCRIPTION = 1_024
_MAX_BYTES = 1_000_000
_PART = 8_000
_MAX_PART = 30_000
_MAX_FILES = 100
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MAX_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """One skill."""

    name: str
    description: str
    folder: Folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Skills:
    """Skills that an agent may use."""

    skills: Mapping[str, Skill]

    @property
    def instructions(self) -> str:
        """Return what an agent's instructions say about its skills."""
        lines = [f"- {one.name}: {one.description}" for one in self.skills.values()]
        return (
            "You have skills: notes on how to do certain tasks. If one fits the task, read it with "
            "read_skill before you begin.\n" + "\n".join(lines)
        )

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Return the tool that reads them."""

        def read_skill(
            name: str,
            file: str = FILE_NAME,
            offset: Annotated[int, Field(ge=0)] = 0,
            max_characters: Annotated[int, Field(ge=500, le=_MAX_PART)] = _PART,
        ) -> str:
            """Read a skill, or another file of its folder.

            Args:
                name: the name of the skill.
                file: a file of the skill's folder, as the skill names it.
                offset: how many characters to skip, to go on with a long file.
                max_characters: how much of the file to return.
            """
            text = self._read(name, file)
            end = min(offset + max_characters, len(text))
            rest = f"; the rest: offset={end}" if end < len(text) else ""
            head = (
                f"{name}/{file}, characters {min(offset, end):,} to {end:,} of {len(text):,}{rest}"
            )
            files = self._other_files(name) if file == FILE_NAME and not offset else ""
            return f"{head}\n\n{text[offset:end]}{files}"

        return (
            tool(
                read_skill,
                title="Read a skill",
                read_only=True,
                idempotent=True,
                open_world=False,
                tags=("skills",),
            ),
        )

    def _read(self, name: str, file: str) -> str:
        skill = self._named(name)
        try:
            data, size = skill.folder.read(file, max_bytes=_MAX_BYTES)
        except PathFault as fault:
            raise ToolError(f"The file of the skill {name!r} cannot be read: {fault}.") from fault
        text = decode_text(data, is_complete=size <= len(data))
        if text is None:
            raise ToolError(f"{file!r} is {describe_bytes(data)}, not text.")
        found = read_front_matter(text) if file == FILE_NAME else None
        return text if found is None else found.body

    def _other_files(self, name: str) -> str:
        """Return a list of the other files of a skill."""
        names: list[str] = []
        for entry, _, _ in self._named(name).folder.walk("."):
            if len(names) == _MAX_FILES:
                break
            if not entry.is_folder and entry.path != FILE_NAME:
                names.append(entry.path)
        return f"\n\nOther files of this skill: {', '.join(names)}" if names else ""

    def _named(self, name: str) -> Skill:
        if name not in self.skills:
            known = ", ".join(self.skills)
            raise ToolError(f"There is no skill {name[:_MAX_NAME]!r}; known are {known}.")
        return self.skills[name]


def load_skills(*folders: str | Path) -> Skills:
    """Return the skills in folders.

    Args:
        folders: each a skill, with a `SKILL.md`, or a folder of skills.

    Raises:
        ConfigError: a folder has no skills, two have one name, or a `SKILL.md` lacks its name or
            its description.
    """
    found: dict[str, Skill] = {}
    for folder in folders:
        places = _skill_folders(Path(folder).expanduser())
        if not places:
            raise ConfigError(f"{str(folder)!r} has no skills: no folder with a {FILE_NAME}.")
        for place in places:
            skill = _load(place)
            if skill.name in found:
                raise ConfigError(f"There are two skills with the name {skill.name!r}.")
            found[skill.name] = skill
    if len(found) > MAX_SKILLS:
        raise ConfigError(f"There are {len(found)} skills; at most {MAX_SKILLS} can be offered.")
    return Skills(skills=found)


def _skill_folders(folder: Path) -> Sequence[Path]:
    if (folder / FILE_NAME).is_file():
        return [folder]
    try:
        return sorted(one for one in folder.iterdir() if (one / FILE_NAME).is_file())
    except OSError as error:
        raise ConfigError(f"The folder {str(folder)!r} cannot be read: {error}.") from error


def _load(place: Path) -> Skill:
    folder = Folder.at(place)
    try:
        data, _ = folder.read(FILE_NAME, max_bytes=_MAX_BYTES)
    except PathFault as fault:
        raise ConfigError(f"{str(place / FILE_NAME)!r} cannot be read: {fault}.") from fault
    found = read_front_matter(data.decode("utf-8", "replace"))
    values = found.values if found is not None else {}
    name = values.get("name", "")
    description = " ".join(values.get("description", "").split())
    if not description or len(name) > _MAX_NAME or _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{str(place / FILE_NAME)!r} needs front matter with a name (small letters, digits and "
            "hyphens) and a description."
        )
    return Skill(name=name, description=description[:MAX_DESCRIPTION], folder=folder)
