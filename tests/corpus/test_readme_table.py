"""The README and the list of gaps report what the tests of `canitoolcall` show."""

from tests.corpus.readme_table import README, build_tables, written_tables
from tests.corpus.test_canitoolcall import WRONG


def test_the_readme_has_the_tables_of_the_fixtures() -> None:
    """Write them anew with `python -m tests.corpus.readme_table`."""
    tables = build_tables()

    assert written_tables(README.read_text(encoding="utf-8")) == tables
    assert "| all | 469 | 466 |" in tables
    assert "| vLLM | 469 | 268 | 86 |" in tables
    assert "| llama.cpp | 438 | 278 | 46 |" in tables


def test_each_fixture_that_is_judged_wrong_is_a_known_gap() -> None:
    """With its reason."""
    gaps = (README.parent / "docs/gaps.md").read_text(encoding="utf-8")

    assert [name for name in sorted(WRONG) if f"`{name}`" not in gaps] == []
