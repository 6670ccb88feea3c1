"""Turns of conversations as stored runs, over HTTP, and without a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest

from agentkit import Agent
from agentkit.service import Tokens, build_service
from agentkit.service.access_tokens import FileTokens
from tests.page.page_model import TOOLS, PageModel

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def anyio_backend() -> str:
    """Name the event loop: stored runs need asyncio."""
    return "asyncio"


@asynccontextmanager
async def serving(model: PageModel, **options: Any) -> AsyncIterator["Chat"]:
    """Open a service, and yield a conversation with its agent."""
    service = build_service({"support": Agent(model, tools=TOOLS)}, **options)
    transport = httpx.ASGITransport(app=service)
    async with (
        service.open(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield Chat(client)


class Chat:
    """One conversation, as the page sees it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.path = ""

    async def begin(self) -> None:
        """Create the conversation."""
        created = await self.client.post("/sessions", json={"agent": "support"})
        self.path = f"/sessions/{created.json()['id']}"

    async def post(self, **turn: Any) -> httpx.Response:
        """Ask for a turn."""
        return await self.client.post(f"{self.path}/turns", json=turn)

    async def turn(self, **turn: Any) -> dict[str, Any]:
        """Begin a turn, wait until its run stops, and return what was answered to the request."""
        answer = await self.post(**turn)
        assert answer.status_code == 201, answer.text
        begun: dict[str, Any] = answer.json()
        await self.wait(begun["run_id"])
        return begun

    async def wait(self, run_id: str, *, status: str = "") -> dict[str, Any]:
        """Wait until a run has ended or waits for a decision."""
        with anyio.fail_after(30):
            while True:
                run: dict[str, Any] = (await self.client.get(f"/runs/{run_id}")).json()
                if run["status"] == status or (
                    not status and run["status"] not in ("queued", "running")
                ):
                    return run
                await anyio.sleep(0.01)

    async def tree(self) -> dict[str, Any]:
        """Return the conversation."""
        found: dict[str, Any] = (await self.client.get(f"{self.path}/tree")).json()
        return found

    async def texts(self) -> list[tuple[str, str]]:
        """Return who said what, of all branches."""
        return [
            (one["message"]["role"], "".join(b.get("text", "") for b in one["message"]["content"]))
            for one in (await self.tree())["entries"]
        ]


async def test_an_answer_is_in_the_conversation_once_its_run_has_ended() -> None:
    """Read by two at once, it is added once; the question was there before."""
    model = PageModel()
    async with serving(model) as chat:
        await chat.begin()
        begun = (await chat.post(prompt="Write slowly")).json()
        before = await chat.tree()
        model.release.set()
        await chat.wait(begun["run_id"])
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(chat.tree)
        after = await chat.tree()

    assert [one["message"]["role"] for one in before["entries"]] == ["user"]
    assert before["runs"][0]["id"] == begun["run_id"]
    assert before["runs"][0]["status"] in ("queued", "running")
    assert [one["message"]["role"] for one in after["entries"]] == ["user", "assistant"]
    assert after["head"] == after["entries"][-1]["id"]
    assert after["runs"] == [{"id": begun["run_id"], "status": "done"}]


@pytest.mark.parametrize("prompt", ["Write about zebras", "Refund order 1187"])
async def test_an_answer_is_found_without_reading_the_conversation(prompt: str) -> None:
    """It is added at the end of its run, also after a decision."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        begun = await chat.turn(prompt=prompt)
        for call in (await chat.client.get(f"/runs/{begun['run_id']}")).json()["open_calls"]:
            decision = {"decisions": [{"call_id": call["id"], "verdict": "allow"}]}
            await chat.client.post(f"/runs/{begun['run_id']}/decisions", json=decision)
        word = "wrote" if prompt.startswith("Write") else "refunded"
        with anyio.fail_after(30):
            while True:
                found = await chat.client.get("/sessions/search", params={"q": word})
                if found.json()["hits"]:
                    break
                await anyio.sleep(0.01)


async def test_a_request_that_is_sent_twice_starts_one_run() -> None:
    """Its `run_id` is its idempotency key."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        first = await chat.turn(prompt="Hello", run_id="turn-1")
        again = await chat.turn(prompt="Hello", run_id="turn-1")

        assert first["entry"] == again["entry"]
        assert await chat.texts() == [("user", "Hello"), ("assistant", "You wrote: Hello")]


async def test_an_edit_and_a_retry_are_branches() -> None:
    """A retry sends the same message; nothing is overwritten."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        first = await chat.turn(prompt="One")
        await chat.turn(prompt="Two", replaces=first["entry"]["id"])
        await chat.turn(replaces=first["entry"]["id"])
        entries = (await chat.tree())["entries"]

        questions = [one for one in entries if one["message"]["role"] == "user"]
        assert [one["parent_id"] for one in questions] == [None, None, None]
        assert [one["message"]["content"][0]["text"] for one in questions] == ["One", "Two", "One"]
        assert len(entries) == 6


async def test_a_message_after_what_was_not_seen_is_refused() -> None:
    """Another tab has gone on; nothing is stored."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        first = await chat.turn(prompt="One")
        await chat.turn(prompt="Two", after=first["entry"]["id"])
        count = len(await chat.texts())
        at_first = await chat.post(prompt="Three", after=first["entry"]["id"])
        at_all = await chat.post(prompt="Three")

        for refused in (at_first, at_all):
            assert refused.status_code == 409
            assert refused.json()["error"]["code"] == "conflict"
        assert len(await chat.texts()) == count


async def test_no_message_follows_an_answer_that_is_under_way() -> None:
    """It has to be stopped first; then what was written is kept, and marked."""
    model = PageModel()
    async with serving(model) as chat:
        await chat.begin()
        begun = (await chat.post(prompt="Write slowly")).json()
        await chat.wait(begun["run_id"], status="running")
        await _until_text(chat, begun["run_id"])
        refused = await chat.post(prompt="And?", after=begun["entry"]["id"])
        await chat.client.post(f"/runs/{begun['run_id']}/cancel")
        await chat.wait(begun["run_id"])
        await chat.turn(prompt="And?", after=begun["entry"]["id"])
        texts = await chat.texts()
        answer = (await chat.tree())["entries"][1]["message"]

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "answer_under_way"
    assert texts[:3] == [
        ("user", "Write slowly"),
        ("assistant", "The first half. "),
        ("user", "And?"),
    ]
    assert answer["is_incomplete"] is True


async def _until_text(chat: Chat, run_id: str) -> None:
    """Wait until a text of a run is stored."""
    runs = chat.client._transport.app.state.runs  # type: ignore[attr-defined]  # the test's own
    with anyio.fail_after(30):
        async for record in runs.events(run_id):
            if record.event.type == "text_received":
                return


async def test_a_message_in_place_of_a_decision_ends_the_run_that_waits() -> None:
    """Its call has a result then: that it was not run."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        begun = await chat.turn(prompt="Refund order 1187")
        await chat.turn(prompt="Never mind", after=begun["entry"]["id"])
        texts = await chat.texts()
        run = (await chat.client.get(f"/runs/{begun['run_id']}")).json()

    assert run["status"] == "cancelled"
    assert [role for role, _ in texts] == ["user", "assistant", "tool", "user", "assistant"]
    assert "was not run" in texts[2][1]


async def test_a_decision_lets_the_run_go_on_and_counts_once() -> None:
    """The second tab gets 409."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        begun = await chat.turn(prompt="Refund order 1187")
        run = (await chat.client.get(f"/runs/{begun['run_id']}")).json()
        [call] = run["open_calls"]
        decision = {"decisions": [{"call_id": call["id"], "verdict": "allow"}]}
        first = await chat.client.post(f"/runs/{begun['run_id']}/decisions", json=decision)
        second = await chat.client.post(f"/runs/{begun['run_id']}/decisions", json=decision)
        await chat.wait(begun["run_id"], status="done")
        texts = await chat.texts()

    assert (first.status_code, second.status_code) == (200, 409)
    assert texts[-1][1].startswith("Done: 89.9 EUR refunded")


async def test_a_failed_answer_keeps_what_was_written() -> None:
    """Each call has a result, and a message can follow."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        failed = await chat.turn(prompt="Fail")
        await chat.turn(prompt="Hello", after=failed["entry"]["id"])
        texts = await chat.texts()

    assert [text for _, text in texts] == ["Fail", "It begins well, ", "Hello", "You wrote: Hello"]


async def test_a_turn_can_follow_calls_that_no_stored_run_waits_for() -> None:
    """They get results that they were not run."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        said = await chat.client.post(f"{chat.path}/messages", json={"prompt": "Refund order 1187"})
        await chat.turn(prompt="Never mind", after=said.json()["head"])
        texts = await chat.texts()

    assert [role for role, _ in texts] == ["user", "assistant", "tool", "user", "assistant"]
    assert "was not run" in texts[2][1]
    assert texts[-1] == ("assistant", "You wrote: Never mind")


async def test_a_deleted_conversation_comes_back() -> None:
    """With its title and its messages."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        await chat.turn(prompt="Hello")
        await chat.client.delete(chat.path)
        gone = await chat.client.get(f"{chat.path}/tree")
        restored = await chat.client.post(f"{chat.path}/restore")
        texts = await chat.texts()

    assert gone.status_code == 404
    assert (restored.status_code, restored.json()["title"]) == (200, "Hello")
    assert len(texts) == 2


async def test_a_run_is_explained_as_html_without_an_origin() -> None:
    """The document may run its own script, and reaches nothing of the service."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        begun = await chat.turn(prompt="Compare the regions")
        page = await chat.client.get(f"/runs/{begun['run_id']}/explain")
        missing = await chat.client.get("/runs/nothing/explain")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    assert begun["run_id"] in page.text
    assert missing.status_code == 404


async def test_what_belongs_to_another_tenant_is_not_there(tmp_path: Any) -> None:
    """For each of the routes of the page."""
    tokens = FileTokens(tmp_path / "tokens.toml")
    keys = [await Tokens(tokens).add(tenant=name) for name in ("acme", "globex")]
    async with serving(PageModel(), auth=Tokens(tokens)) as chat:
        chat.client.headers["authorization"] = f"Bearer {keys[0]}"
        await chat.begin()
        begun = await chat.turn(prompt="Hello")
        chat.client.headers["authorization"] = f"Bearer {keys[1]}"
        answers = [
            await chat.post(prompt="Hello", after=begun["entry"]["id"]),
            await chat.client.get(f"/runs/{begun['run_id']}/explain"),
            await chat.client.post(f"{chat.path}/restore"),
        ]
        chat.client.headers["authorization"] = ""
        page = await chat.client.get("/")
        refused = await chat.post(prompt="Hello", after=begun["entry"]["id"])

    assert [one.status_code for one in answers] == [404, 404, 404]
    assert page.status_code == 200
    assert refused.status_code == 401


@pytest.mark.parametrize(
    "turn",
    [{}, {"prompt": ""}, {"prompt": "  "}, {"prompt": "Hi", "more": 1}],
    ids=["nothing", "empty", "spaces", "unknown field"],
)
async def test_a_turn_that_is_not_one_is_refused(turn: dict[str, Any]) -> None:
    """Before anything is stored."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        refused = await chat.post(**turn)
        texts = await chat.texts()

    assert refused.status_code == 400
    assert texts == []


async def test_a_conversation_is_read_in_pages_from_its_end(database_url: str) -> None:
    """Each begins with a message of the user, and has the other versions of those by their ids."""
    async with serving(PageModel(), database=database_url) as chat:
        await chat.begin()
        first = await chat.turn(prompt="Compare the regions")
        second = await chat.turn(prompt="Two", after=first["entry"]["id"])
        third = await chat.turn(prompt="Three", replaces=second["entry"]["id"])
        newest = (await chat.client.get(f"{chat.path}?limit=1")).json()
        start = newest["entries"][0]["id"]
        older = (await chat.client.get(f"{chat.path}?limit=2&before={start}")).json()
        none = (await chat.client.get(f"{chat.path}?before={older['entries'][0]['id']}")).json()
        complete = (await chat.client.get(chat.path)).json()
        missing = await chat.client.get(f"{chat.path}?before=nothing")
        wrong = [(await chat.client.get(f"{chat.path}?limit={one}")).status_code for one in "0x"]
        place = {"entry_id": second["entry"]["id"]}
        selected = (await chat.client.post(f"{chat.path}/select?limit=1", json=place)).json()

    roles = [one["message"]["role"] for one in older["entries"]]
    versions = [second["entry"]["id"], third["entry"]["id"]]
    assert start == third["entry"]["id"]
    assert newest["entries"][0]["versions"] == selected["entries"][0]["versions"] == versions
    assert selected["entries"][0]["id"] == second["entry"]["id"]
    assert roles == ["user", "assistant", "tool", "assistant"]
    assert older["entries"][0]["versions"] == [first["entry"]["id"]]
    assert older["runs"] == [{"id": first["run_id"], "status": "done"}]
    assert none["entries"] == []
    assert [one["id"] for one in older["entries"] + newest["entries"]] == [
        one["id"] for one in complete["entries"]
    ]
    assert missing.status_code == 404
    assert wrong == [400, 400]


async def test_pages_of_a_fork_go_on_in_the_conversation_it_came_from(database_url: str) -> None:
    """Without the branches that were made there; one that is made in the fork is a version."""
    async with serving(PageModel(), database=database_url) as chat:
        await chat.begin()
        first = await chat.turn(prompt="One")
        await chat.turn(prompt="Other", replaces=first["entry"]["id"])
        place = {"entry_id": first["entry"]["id"]}
        await chat.client.post(f"{chat.path}/select", json=place)
        forked = (await chat.client.post(f"{chat.path}/fork", json={})).json()
        chat.path = f"/sessions/{forked['id']}"
        before = (await chat.client.get(f"{chat.path}?limit=60")).json()["entries"]
        edited = await chat.turn(prompt="Mine", replaces=first["entry"]["id"])
        after = (await chat.client.get(f"{chat.path}?limit=60")).json()["entries"]

    assert [one["message"]["role"] for one in before] == ["user", "assistant"]
    assert before[0]["versions"] == [first["entry"]["id"]]
    assert after[0]["versions"] == [first["entry"]["id"], edited["entry"]["id"]]


async def test_a_page_has_the_calls_that_wait_for_a_decision() -> None:
    """Those of a turn outside of stored runs; a decision lets it go on."""
    async with serving(PageModel()) as chat:
        await chat.begin()
        said = await chat.client.post(f"{chat.path}/messages", json={"prompt": "Refund order 1187"})
        page = (await chat.client.get(f"{chat.path}?limit=60")).json()
        decision = {"call_id": page["open_calls"][0]["id"], "verdict": "allow"}
        await chat.client.post(f"{chat.path}/messages", json={"decisions": [decision]})
        after = (await chat.client.get(f"{chat.path}?limit=60")).json()

    assert page["open_calls"] == said.json()["open_calls"]
    assert [one["name"] for one in page["open_calls"]] == ["refund_payment"]
    assert (page["runs"], after["open_calls"], len(after["entries"])) == ([], [], 4)
