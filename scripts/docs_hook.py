"""What MkDocs does not do by itself: the generated reference, links to files of the repository.

In:  the pages in docs, `mkdocs.yml`, the code.
Out: the pages that are built.

MkDocs loads this file: https://www.mkdocs.org/user-guide/configuration/#hooks
"""

import posixpath
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.reference import api_pages, pages  # noqa: E402 - needs the path

_KIND = re.compile(r"^(```(?:text|python)) (?:output|peer)$", re.MULTILINE)
_LINK = re.compile(r"(?P<open>!?\[[^\]]*\]\()(?P<path>(?![a-z]+:|#)[^)\s#]+)(?P<rest>[^)\s]*\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Complete the navigation: the modules, the decisions, and pages that it does not name."""
    nav: list[Any] = config.nav or []
    modules = [{Path(path).stem: path} for path in sorted(api_pages())]
    section_of(nav, "Reference").append({"Python": modules})
    decisions = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    section_of(nav, "About").append({"Decisions": [f"decisions/{name}" for name in decisions]})
    named = set(paths_of(nav))
    others = sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name not in named)
    if others:
        section_of(nav, "Guides").append({"More": others})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make links to other files of the repository absolute, and leave out what is for tests.

    `text output` is a kind of text, and `python peer` one of Python.
    """
    del config
    repository = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"][
        "Repository"
    ]

    def absolute(found: re.Match[str]) -> str:
        path = posixpath.normpath(
            posixpath.join("docs", posixpath.dirname(page.file.src_uri), found["path"])
        )
        if not (ROOT / path).exists() or files.get_file_from_path(path.removeprefix("docs/")):
            return found[0]
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{found['open']}{repository}/{kind}/HEAD/{path}{found['rest']}"

    return _LINK.sub(absolute, _KIND.sub(r"\1", markdown))


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make the empty corner of a table a plain cell: an empty header is read out as one."""
    del page, config, files
    return content.replace("<th></th>", "<td></td>")


def section_of(nav: list[Any], title: str) -> list[Any]:
    """Return the entries of a section of the navigation."""
    return next(entry[title] for entry in nav if isinstance(entry, dict) and title in entry)


def paths_of(entry: object) -> list[str]:
    """Return the paths in a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ()
    return [path for part in parts for path in paths_of(part)]
