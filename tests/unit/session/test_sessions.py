"""The conversations of one database: lists, tenants, search, deletion."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from agentkit import AssistantMessage, ToolResult, UserMessage
from agentkit.session import (
    SearchHit,
    Session,
    SessionExistsError,
    SessionNotFoundError,
    Sessions,
    open_sessions,
)
from agentkit.session.tables import SEARCHED_FIRST
from agentkit.store.base import SchemaError
from agentkit.testing import ManualClock, tool_call


async def talk(sessions: Sessions, *texts: str, tenant: str = "") -> Session:
    """Create a conversation in which user and model speak in turns."""
    chat = await sessions.create(tenant=tenant)
    kinds = (UserMessage, AssistantMessage)
    await chat.append([kinds[number % 2](text) for number, text in enumerate(texts)])
    return chat


def found(hits: Sequence[SearchHit]) -> list[str]:
    """Return the excerpts."""
    return [hit.excerpt for hit in hits]


async def test_conversations_are_listed_by_their_last_use(
    sessions: Sessions, clock: ManualClock
) -> None:
    """In pages; a change in between moves one to the front, and none is shown twice."""
    chats = []
    for number in range(5):
        clock.advance(1)
        chats.append(await talk(sessions, f"chat {number}"))
    clock.advance(1)
    await chats[1].append([AssistantMessage("again")])
    await chats[2].rename("Renamed")

    first = await sessions.list(limit=2)
    clock.advance(1)
    await talk(sessions, "new one")
    second = await sessions.list(limit=2, after=first.next)
    third = await sessions.list(limit=2, after=second.next)

    titles = [[info.title for info in page.sessions] for page in (first, second, third)]
    assert titles == [["chat 1", "chat 4"], ["chat 3", "Renamed"], ["chat 0"]]
    assert third.next is None
    assert first.sessions[0] == (await sessions.get(chats[1].id)).info


async def test_conversations_of_one_moment_are_all_listed(sessions: Sessions) -> None:
    """Their ids decide about the order."""
    chats = {(await talk(sessions, "x")).id for _ in range(5)}

    shown: list[str] = []
    after = None
    for _ in range(3):
        page = await sessions.list(limit=2, after=after)
        shown += [info.id for info in page.sessions]
        after = page.next

    assert shown == sorted(chats, reverse=True)


async def test_a_list_can_be_of_one_agent(sessions: Sessions) -> None:
    """By the name that the creator gave."""
    await sessions.create(agent="support")
    own = await sessions.create(agent="sales")

    assert [info.id for info in (await sessions.list(agent="sales")).sessions] == [own.id]


@pytest.mark.parametrize(
    "arguments", [{"limit": 0}, {"after": "x"}, {"after": "1"}, {"after": "x:1"}, {"after": "²:1"}]
)
async def test_a_list_with_wrong_arguments_is_refused(
    sessions: Sessions, arguments: dict[str, str]
) -> None:
    """They are the caller's mistake."""
    with pytest.raises(ValueError, match="page"):
        await sessions.list(**arguments)  # type: ignore[arg-type]  # partly wrong on purpose


async def test_what_belongs_to_another_tenant_is_not_found(sessions: Sessions) -> None:
    """On no way, and with the same words as what does not exist."""
    chat = await talk(sessions, "secret plans", "noted", tenant="acme")
    absent = ""

    for tenant in ("other", ""):
        for call in (sessions.get, sessions.delete, sessions.restore):
            with pytest.raises(SessionNotFoundError) as caught:
                await call(chat.id, tenant=tenant)
            with pytest.raises(SessionNotFoundError) as unknown:
                await call("unknown", tenant=tenant)
            absent = str(unknown.value).replace("unknown", chat.id)
            assert str(caught.value) == absent
        assert (await sessions.list(tenant=tenant)).sessions == []
        assert await sessions.search("secret", tenant=tenant) == []

    assert absent
    assert found(await sessions.search("secret", tenant="acme")) == ["secret plans"]
    assert [one.id for one in (await sessions.list(tenant="acme")).sessions] == [chat.id]


async def test_a_conversation_can_be_named_by_its_creator(sessions: Sessions) -> None:
    """A name that is taken is an error, for any tenant."""
    chat = await sessions.create(session_id="work", title=" My  work ", tenant="acme")

    assert (await sessions.get("work", tenant="acme")).info == chat.info
    assert chat.info.title == "My work"
    for tenant in ("acme", ""):
        with pytest.raises(SessionExistsError, match="'work'"):
            await sessions.create(session_id="work", tenant=tenant)


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\0", "\ud800"])
@pytest.mark.parametrize("field", ["session_id", "tenant", "agent"])
async def test_a_name_that_cannot_be_kept_is_refused(
    sessions: Sessions, field: str, name: str
) -> None:
    """It could not be found again."""
    with pytest.raises(ValueError, match=f"The {field}"):
        await sessions.create(**{field: name})


async def test_ids_cannot_be_guessed_and_are_in_order_of_time(sessions: Sessions) -> None:
    """Each is another."""
    ids = [(await sessions.create()).id for _ in range(20)]

    assert len(set(ids)) == 20
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
    assert all(len(one) == 32 for one in ids)


async def test_messages_are_found_by_their_words(sessions: Sessions) -> None:
    """Newest first; what users and models said, not what tools returned."""
    first = await talk(sessions, "Where is my refund?", "Your refunds are on their way.")
    second = await sessions.create()
    call = tool_call("look_up", refund=1)
    entries = await second.append(
        [
            UserMessage("A REFUND, please; or a Crème brûlée\nin שָׁלוֹם"),
            AssistantMessage(tool_calls=[call]),
            ToolResult(call.id, "refund 17"),
            AssistantMessage("退款完成。"),
        ]
    )

    [newest, older] = await sessions.search("refund")
    assert (newest.session_id, newest.entry_id, newest.role) == (second.id, entries[0].id, "user")
    assert newest.title == second.info.title
    assert newest.created_at == entries[0].created_at
    assert newest.excerpt == "A REFUND, please; or a Crème brûlée in שָׁלוֹם"
    assert older.session_id == first.id
    assert len(await sessions.search("refund*")) == 3
    assert len(await sessions.search("refund*", limit=2)) == 2
    for query in ("creme BRULEE", "שלום", "please שלום refund", "brûl*"):
        assert [hit.entry_id for hit in await sessions.search(query)] == [entries[0].id], query
    for query in ("退款", "完成", "款"):
        assert [hit.entry_id for hit in await sessions.search(query)] == [entries[3].id], query
    for query in ("refun", "17", "please way", "款退", "", "*", "'\"& | !("):
        assert not await sessions.search(query), query


async def test_old_messages_are_found_behind_many_newer_ones(sessions: Sessions) -> None:
    """PostgreSQL searches the newest first; a limit is filled from both."""
    chat = await talk(sessions, "refund one", "nothing", "refund two")
    others = [UserMessage(f"other {number}") for number in range(SEARCHED_FIRST)]
    await chat.append([*others, UserMessage("refund three")])

    assert found(await sessions.search("refund")) == ["refund three", "refund two", "refund one"]
    assert found(await sessions.search("refund", limit=2)) == ["refund three", "refund two"]
    assert found(await sessions.search("refund", limit=1)) == ["refund three"]
    assert len(await sessions.search("other", limit=SEARCHED_FIRST)) == SEARCHED_FIRST


async def test_a_deleted_conversation_can_be_restored(
    sessions: Sessions, clock: ManualClock
) -> None:
    """Until it is removed for good."""
    chat = await talk(sessions, "Hello", "Hi!")
    await sessions.delete(chat.id)

    assert (await sessions.list()).sessions == []
    assert await sessions.search("hello") == []
    with pytest.raises(SessionNotFoundError):
        await sessions.get(chat.id)
    with pytest.raises(SessionNotFoundError):
        await sessions.delete(chat.id)
    with pytest.raises(SessionExistsError):
        await sessions.create(session_id=chat.id)

    restored = await sessions.restore(chat.id)
    assert restored.info == chat.info
    assert found(await sessions.search("hello")) == ["Hello"]
    with pytest.raises(SessionNotFoundError):
        await sessions.restore(chat.id)

    await chat.delete()
    clock.advance(10)
    assert await sessions.gc(timedelta(seconds=11)) == 0
    assert await sessions.gc(timedelta(seconds=10)) == 1
    assert await sessions.gc(timedelta()) == 0
    with pytest.raises(SessionNotFoundError):
        await sessions.restore(chat.id)
    await sessions.create(session_id=chat.id)


async def test_what_is_removed_leaves_nothing(sessions: Sessions) -> None:
    """Neither messages nor words, and others stay."""
    chat = await talk(sessions, "Hello", "Hi!")
    kept = await talk(sessions, "Hello again", "Hi!")
    await chat.delete()

    assert await sessions.gc(timedelta()) == 1

    store = sessions._store
    assert await store.run("SELECT count(*) FROM ak_entries") == [(2,)]
    if store.kind == "sqlite":
        assert await store.run("SELECT count(*) FROM ak_search WHERE ak_search MATCH 'hello'") == [
            (1,)
        ]
        await store.transaction(
            lambda transaction: transaction.run(
                "INSERT INTO ak_search (ak_search) VALUES ('integrity-check')"
            )
        )
    assert [hit.session_id for hit in await sessions.search("hello")] == [kept.id]


async def test_forks_keep_what_they_share_with_a_removed_conversation(sessions: Sessions) -> None:
    """It is found as theirs from then on; the rest is gone."""
    chat = await talk(sessions, "Hello", "Hi!", "private", "noted")
    entries = await chat.entries()
    fork = await chat.fork(entries[1].id)
    inner = await fork.fork()
    await inner.append([UserMessage("deep")])
    before = await inner.tree()

    for session in (chat, fork):
        await session.delete()
        assert await sessions.gc(timedelta()) == 1
        assert await inner.tree() == before
        again = await sessions.get(inner.id)
        assert [entry.message.text for entry in await again.entries()] == ["Hello", "Hi!", "deep"]
        assert not await sessions.search("private")

    assert [hit.session_id for hit in await sessions.search("hello")] == [inner.id]
    await inner.edit(entries[0].id, "Good morning")
    await inner.select(entries[0].id)
    assert [entry.message.text for entry in await inner.entries()] == ["Hello", "Hi!", "deep"]
    await inner.delete()
    assert await sessions.gc(timedelta()) == 1
    assert await sessions._store.run("SELECT count(*) FROM ak_entries") == [(0,)]


async def test_a_fork_that_was_deleted_a_short_time_ago_keeps_its_messages(
    sessions: Sessions, clock: ManualClock
) -> None:
    """It may be restored."""
    chat = await talk(sessions, "Hello", "Hi!")
    fork = await chat.fork()
    await chat.delete()
    clock.advance(60)
    await fork.delete()

    assert await sessions.gc(timedelta(seconds=30)) == 1

    restored = await sessions.restore(fork.id)
    assert [entry.message.text for entry in await restored.entries()] == ["Hello", "Hi!"]


async def test_a_database_is_opened_by_its_address(database_url: str) -> None:
    """Tables are made at the first time, unless that is not wanted."""
    with pytest.raises(SchemaError):
        async with open_sessions(database_url, migrate=False):
            pass
    async with open_sessions(database_url) as opened:
        chat = await opened.create()
    async with open_sessions(database_url, migrate=False) as opened:
        assert (await opened.get(chat.id)).info == chat.info
