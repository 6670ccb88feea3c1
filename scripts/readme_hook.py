"""Make the links of the README absolute when a distribution is built.

In:  README.md, the address of the repository in `[project.urls]`.
Out: the description of the distribution, whose links also work on the page of a package index, and
     the addresses of documentation, changelog and issues.

Hatchling loads this file: https://hatch.pypa.io/latest/plugins/metadata-hook/custom/
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# A link or an image of Markdown whose target has no scheme and is not only a fragment.
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?![a-z]+:|#)[^)\s]+)\)")


PAGES = {
    "Documentation": "tree/HEAD/docs",
    "Changelog": "blob/HEAD/CHANGELOG.md",
    "Issues": "issues",
}
"""The other addresses of the project, below that of its repository."""


class ReadmeHook(MetadataHookInterface):
    """Sets the field `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the README with absolute links into the metadata, and the addresses of pages."""
        repository = metadata["urls"]["Repository"].rstrip("/")
        metadata["urls"] |= {name: f"{repository}/{path}" for name, path in PAGES.items()}
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_absolute_links(text, repository=repository),
        }


def with_absolute_links(text: str, *, repository: str) -> str:
    """Return Markdown with the links to files and folders of the repository made absolute."""

    def absolute(found: re.Match[str]) -> str:
        path = found["path"]
        kind = "raw" if found["image"] else "tree" if path.endswith("/") else "blob"
        address = f"{repository.rstrip('/')}/{kind}/HEAD/{path.rstrip('/')}"
        return f"{found['image']}[{found['text']}]({address})"

    return _LINK.sub(absolute, text)
