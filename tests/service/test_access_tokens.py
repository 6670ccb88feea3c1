"""Tokens are kept as hashes, in a file or a database, and let their owners in."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agentkit.errors import ConfigError
from agentkit.service import TokenLimits, Tokens
from agentkit.service.access_tokens import FileTokens, StoredTokens
from agentkit.store.open_store import open_store
from agentkit.testing import ManualClock

LIMITS = TokenLimits(
    requests_per_minute=60,
    streams=3,
    cost_usd_per_day=Decimal("1.5"),
    cost_usd_per_request=Decimal("0.1"),
)


@pytest.mark.parametrize("kind", ["file", "sqlite_url", "postgres_url"])
async def test_a_token_lets_its_owner_in_until_it_is_revoked(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """With tenant, agents and limits; others are not let in."""
    if kind == "file":
        await check_tokens(Tokens(FileTokens(tmp_path / "tokens.toml")))
        return
    async with open_store(request.getfixturevalue(kind)) as store:
        await check_tokens(Tokens(StoredTokens(store)))


async def check_tokens(tokens: Tokens) -> None:
    """Check a book of tokens."""
    text = await tokens.add(tenant="acme", agents=["support", "sales"], limits=LIMITS)
    other = await tokens.add()
    caller = await tokens.find(text)

    assert caller is not None
    assert (caller.tenant, caller.agents) == ("acme", frozenset({"support", "sales"}))
    assert caller.limits == LIMITS
    assert caller.may_use("sales")
    assert not caller.may_use("other")
    assert [token.id for token in await tokens.list()] == [text[3:15], other[3:15]]
    for wrong in ("", "ak_", text[:-1], text + "x", text[:16] + other[16:], text.upper()):
        assert await tokens.find(wrong) is None
    assert await tokens.revoke(caller.token_id)
    assert not await tokens.revoke(caller.token_id)
    assert await tokens.find(text) is None
    assert await tokens.find(other) is not None


async def test_a_token_expires(tmp_path: Path) -> None:
    """At its moment."""
    clock = ManualClock()
    tokens = Tokens(FileTokens(tmp_path / "tokens.toml"), clock=clock)
    text = await tokens.add(lifetime=timedelta(seconds=10))

    assert await tokens.find(text) is not None
    clock.advance(10)
    assert await tokens.find(text) is None


async def test_a_file_holds_no_secret_and_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """No one else may read it; comments in it are kept."""
    path = tmp_path / "tokens.toml"
    path.write_text("# ours\n")
    writer = Tokens(FileTokens(path))
    reader = Tokens.from_file(path)
    text = await writer.add(tenant="acme")

    assert await reader.find(text) is not None
    assert text[16:] not in path.read_text()
    assert path.read_text().startswith("# ours\n")
    assert path.stat().st_mode & 0o077 == 0
    await writer.revoke(text[3:15])
    assert await reader.find(text) is None


@pytest.mark.parametrize(
    "content",
    [
        "x",
        "a = 1",
        "[a]\nhash = 'x'",
        "[a]\nhash='x'\ncreated_at=2026-01-01T00:00:00Z\nking=1",
        None,
    ],
    ids=["no TOML", "no table", "no date", "an unknown field", "no file"],
)
def test_another_file_is_refused(content: str | None, tmp_path: Path) -> None:
    """By name, before anything is served."""
    path = tmp_path / "tokens.toml"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError, match=r"tokens\.toml"):
        Tokens.from_file(path)
