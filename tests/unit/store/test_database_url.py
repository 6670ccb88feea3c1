"""Addresses of databases."""

from pathlib import Path

import pytest

from agentkit.errors import ConfigError
from agentkit.store.database_url import parse_database_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:chats.db", "chats.db"),
        ("sqlite:data/my chats.db", "data/my chats.db"),
        ("sqlite:///srv/chats.db", "/srv/chats.db"),
        ("sqlite:/srv/chats.db", "/srv/chats.db"),
        ("SQLite:chats.db", "chats.db"),
        (" sqlite:chats.db\n", "chats.db"),
        ("sqlite:../שיחות.db", "../שיחות.db"),
        ("sqlite:C:\\data\\chats.db", "C:\\data\\chats.db"),
        ("sqlite:100%20done.db", "100%20done.db"),
    ],
)
def test_an_address_of_sqlite_names_a_file(url: str, path: str) -> None:
    """Relative or absolute, as it is written."""
    found = parse_database_url(url)

    assert (found.kind, found.path) == ("sqlite", Path(path))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db.example.org/chats", "postgresql://db.example.org/chats"),
        ("postgresql://ann@db/chats", "postgresql://ann@db/chats"),
        ("postgresql://ann:pw@db:5433/chats", "postgresql://ann:***@db:5433/chats"),
        ("postgres://ann:pw@db/chats", "postgresql://ann:***@db/chats"),
        ("postgresql://ann:p@w/x?y:z@db/chats", "postgresql://ann:***@db/chats"),
        ("postgresql://ann:pw@a:1,b:2/chats", "postgresql://ann:***@a:1,b:2/chats"),
        ("postgresql:///chats?host=/run/pg", "postgresql:///chats?host=/run/pg"),
        (
            "postgresql://db/chats?user=ann&password=p@w:&sslmode=require",
            "postgresql://db/chats?user=ann&password=***&sslmode=require",
        ),
        ("postgresql://db/x?sslPassword=pw", "postgresql://db/x?sslPassword=***"),
        ("postgresql://db:5432/x?password=p@w", "postgresql://db:5432/x?password=***"),
    ],
)
def test_an_address_of_postgresql_is_shown_without_its_password(url: str, shown: str) -> None:
    """In whatever place the password is, and whatever is in it."""
    found = parse_database_url(url)

    assert (found.kind, found.path, found.shown) == ("postgresql", None, shown)
    assert "pw" not in repr(found)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "no address of a database"),
        ("chats.db", "For a file: 'sqlite:chats.db'"),
        ("sqlite:", "names no file"),
        ("sqlite://", "names a machine"),
        ("sqlite:///", "names no file"),
        ("sqlite://chats.db", "names a machine"),
        ("sqlite::memory:", "in memory is not kept"),
        ("sqlite:chats.db?mode=ro", "options are not read"),
        ("sqlite:a\0b", "holds a NUL"),
        ("mysql://db/chats", "No database of the kind 'mysql'"),
        ("postgresql+psycopg://ann:secret@db/chats", "Leave out the driver's name"),
        ("postgresql:ann:secret@db/chats", "lacks '//'"),
        ("postgresql://ann:secret@db/\0", "holds a NUL"),
    ],
)
def test_an_address_that_is_not_one_is_refused(url: str, reason: str) -> None:
    """The message shows the forms, and no password."""
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_database_url(url)

    assert "secret" not in str(caught.value)
