"""Export and import, as JSON and as Markdown."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given

from agentkit import AssistantMessage, History, ToolResult, UserMessage
from agentkit.message import SystemMessage
from agentkit.session import ImportFormatError, Session, Sessions
from agentkit.session.json_format import read_json, write_json
from agentkit.session.markdown_format import read_markdown, write_markdown
from agentkit.session.parts import SessionParts
from agentkit.session.sessions import make_id
from agentkit.testing import ManualClock, tool_call
from tests.property.strategies import histories

CALL = tool_call("add", a=1)
TALK = (
    UserMessage("Add 1.\n\n## User\n\\## Assistant\n# Title"),
    AssistantMessage(tool_calls=[CALL]),
    ToolResult(CALL.id, "2"),
    AssistantMessage("It is 2.\n```json\n{}\n```\n"),
)

MARKDOWN = """\
# Add 1. ## User \\## Assistant # Title

## User

Add 1.

\\## User
\\\\## Assistant
# Title

## Assistant message

```json message-version=2
{
  "role": "assistant",
  "content": [],
  "tool_calls": [
    {
      "id": "call00001",
      "name": "add",
      "arguments": "{\\"a\\": 1}"
    }
  ]
}
```

## Tool message

```json message-version=2
{
  "role": "tool",
  "call_id": "call00001",
  "content": [
    {
      "type": "text",
      "text": "2"
    }
  ]
}
```

## Assistant

It is 2.
```json
{}
```

"""


def parts() -> SessionParts:
    """Return what makes ids and times, without a database."""
    store: Any = None  # nothing is read or written
    return SessionParts(store=store, clock=ManualClock(), new_id=make_id)


async def test_all_branches_are_exported_as_json_and_imported(sessions: Sessions) -> None:
    """With new ids; imported twice, there are two conversations."""
    chat = await sessions.create(agent="support", tenant="acme")
    await chat.append(TALK, run_id="r1")
    first = (await chat.entries())[0]
    await chat.edit(first.id, "Add 2.\0\ud800")
    await chat.select(first.id)

    text = await chat.export_json()
    again = await sessions.import_json(text, tenant="other")
    twice = await sessions.import_json(text)

    assert await again.history() == await chat.history()
    assert len({chat.id, again.id, twice.id}) == 3
    assert (again.info.title, again.info.agent, again.info.tenant) == (
        *(chat.info.title, "support", "other"),
    )
    trees = [await one.tree() for one in (chat, again)]
    facts = [
        [(entry.message, entry.depth, entry.run_id, entry.created_at) for entry in tree]
        for tree in trees
    ]
    assert facts[0] == facts[1]
    assert not {entry.id for entry in trees[0]} & {entry.id for entry in trees[1]}
    hits = await sessions.search("add", tenant="other")
    assert [hit.session_id for hit in hits] == [again.id, again.id]


async def test_a_fork_is_exported_with_the_messages_before_it(sessions: Sessions) -> None:
    """The import does not need the origin."""
    chat = await sessions.create()
    await chat.append(TALK)
    fork = await chat.fork()
    await fork.append([UserMessage("Thanks")])

    again = await sessions.import_json(await fork.export_json())
    await chat.delete()

    assert await again.history() == await fork.history()
    assert again.info.forked_from is None


async def test_a_conversation_is_exported_as_markdown_and_imported(sessions: Sessions) -> None:
    """People can read it, and nothing of it is lost."""
    chat = await sessions.create()
    await chat.append(TALK)

    text = await chat.export_markdown()
    again = await sessions.import_markdown(text, tenant="acme")

    assert text == MARKDOWN
    assert await again.history() == History(TALK)
    assert (again.info.title, again.info.tenant) == (chat.info.title, "acme")


@pytest.mark.parametrize("kind", ["json", "markdown"])
async def test_an_empty_conversation_can_be_exported_and_imported(
    sessions: Sessions, kind: str
) -> None:
    """It stays empty."""
    chat = await sessions.create(title="Empty")
    export: Callable[[Session], Any] = getattr(Session, f"export_{kind}")

    again = await getattr(sessions, f"import_{kind}")(await export(chat))

    assert (again.info.title, again.info.head) == ("Empty", None)
    assert not await again.tree()


@given(histories())
@example(
    History(
        (
            UserMessage("\n"),
            UserMessage("\r\n\0\ud800"),
            UserMessage("## User\n\\\\## X\n##\n"),
            UserMessage(content=()),
            SystemMessage(""),
            AssistantMessage("```\n"),
        )
    )
)
def test_every_history_survives_an_export(history: History) -> None:
    """In both formats; the texts can be written as UTF-8."""
    made = parts()
    entries = made.entries_after(None, history)
    info = made.new_session(tenant="", title="A title")
    exported = write_json(info, entries)
    if entries:
        exported = exported.replace('"head":null', json.dumps("head") + ":" + f'"{entries[-1].id}"')
    as_json = read_json(exported, tenant="", parts=made)
    as_markdown = read_markdown(write_markdown(info, history), tenant="", parts=made)

    for new in (as_json, as_markdown):
        assert [entry.message for entry in new.entries] == list(history)
        assert new.info.head == (new.entries[-1].id if history else None)
    exported.encode()
    write_markdown(info, history).encode()


def document(**changes: object) -> str:
    """Return an export of one message with other fields."""
    entry: dict[str, object] = {
        "id": "a",
        "parent_id": None,
        "created_at": "2024-01-01T00:00:00Z",
        "message": {"role": "user", "content": []},
    }
    form: dict[str, object] = {
        "format": "agentkit-session",
        "version": 1,
        "title": "",
        "agent": "",
        "head": "a",
        "message_version": 2,
        "entries": [entry],
    }
    for name, value in changes.items():
        (form if name in form else entry)[name] = value
    return json.dumps(form)


def test_the_document_of_these_tests_is_right() -> None:
    """Else they would show nothing."""
    assert len(read_json(document(), tenant="", parts=parts()).entries) == 1


ENTRY = json.loads(document())["entries"][0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "the text"),
        (document(format="other"), "format"),
        (document(version=2), "version"),
        (document(entries=[{}]), "entries.0.id"),
        (document(created_at="2024-01-01T00:00:00"), "created_at"),
        (document(message={"role": "user"}), "cannot be read"),
        (document(message_version=99), "version 99"),
        (document(head="b"), "'b' is named before"),
        (document(head=None), "has a head"),
        (document(entries=[]), "'a' is named before"),
        (document(parent_id="a"), "'a' is named before"),
        (document(entries=[ENTRY, ENTRY]), "Two entries have the id 'a'"),
        (
            document(message={"role": "tool", "call_id": "c", "content": []}),
            "not a history",
        ),
        (
            document(
                entries=[
                    ENTRY,
                    {
                        **ENTRY,
                        "id": "b",
                        "parent_id": "a",
                        "message": {"role": "tool", "call_id": "c", "content": []},
                    },
                ]
            ),
            "not a history",
        ),
    ],
)
def test_json_that_is_not_an_export_is_refused(text: str, reason: str) -> None:
    """By place and reason, before anything is stored."""
    with pytest.raises(ImportFormatError, match=reason):
        read_json(text, tenant="", parts=parts())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "begins with '# '"),
        ("Hello", "begins with '# '"),
        ("# Title\n\nHello\n", "before the first heading: 'Hello'"),
        ("# Title\n\n## User message\n\nHello\n", "no block"),
        ("# Title\n\n## User message\n\n```json message-version=2\n{}\n", "no block"),
        ("# Title\n\n## User message\n\n```json message-version=2\n{\n```\n", "not a message"),
        ("# Title\n\n## User message\n\n```json message-version=2\n{}\n```\n", "not a message"),
        ("# Title\n\n## User message\n\n```json message-version=99\n{}\n```\n", "version 99"),
        (
            '# T\n\n## Tool message\n\n```json message-version=2\n{"role":"tool","call_id":"c",'
            '"content":[]}\n```\n',
            "not a history",
        ),
    ],
)
def test_markdown_that_is_not_an_export_is_refused(text: str, reason: str) -> None:
    """By what is missing."""
    with pytest.raises(ImportFormatError, match=reason):
        read_markdown(text, tenant="", parts=parts())


def test_markdown_that_people_wrote_can_be_imported() -> None:
    """Only headings are needed."""
    text = "# A talk\n## User\nHello\n## Assistant\nHi!\n\n## User\n\n  Bye"

    new = read_markdown(text, tenant="", parts=parts())

    assert [entry.message for entry in new.entries] == [
        UserMessage("Hello"),
        AssistantMessage("Hi!"),
        UserMessage("  Bye"),
    ]
    assert new.info.title == "A talk"
