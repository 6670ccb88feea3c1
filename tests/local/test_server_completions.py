"""Properties of llama.cpp's server with raw text: the client renders the v3 prompt.

- Bracketed words in the prompt are special tokens. The server adds `<s>` at the beginning; if the
  client writes it too, it is doubled without harm.
- The marker [TOOL_CALLS] is missing from the returned text: a call is ` [{"name":…}]`, without an
  id, with `finish_reason: "stop"`. It is not constrained by a schema.
- A stream ends with two empty texts, the second with finish reason and usage, then `[DONE]`.
- A stop text is not in the answer, and the finish reason is still `stop`.
- An empty prompt is a 200 with an empty text; a missing one is a 400 of the JSON library.
"""

import json

import httpx
import pytest

from tests.local.exchange import ARGUMENTS, SCHEMA, error, function, read_events

model = pytest.importorskip("tests.local.tiny_mixtral")

TOOLS = json.dumps([function("get_weather", SCHEMA)])
QUESTION = f"[AVAILABLE_TOOLS] {TOOLS}[/AVAILABLE_TOOLS][INST] What is the weather?[/INST]"
CALL = {"name": "get_weather", "arguments": ARGUMENTS, "id": "abcdefghi"}
ANSWERED = (
    f"{QUESTION}[TOOL_CALLS] {json.dumps([CALL])}</s>"
    '[TOOL_RESULTS] {"content": "21 degrees", "call_id": "abcdefghi"}[/TOOL_RESULTS]'
)


def complete(client: httpx.Client, prompt: str, **fields: object) -> httpx.Response:
    """Send a prompt, at temperature 0."""
    body = {"prompt": prompt, "temperature": 0, "max_tokens": 200}
    return client.post("/completions", json=body | fields)


@pytest.mark.parametrize("prompt", [QUESTION, "<s>" + QUESTION], ids=["plain", "with a begin"])
def test_a_call_is_text_without_its_marker(client: httpx.Client, prompt: str) -> None:
    """Only its format shows that it is one."""
    (choice,) = complete(client, prompt).json()["choices"]

    assert (choice["text"], choice["finish_reason"]) == (" " + model.CALL, "stop")
    assert json.loads(choice["text"]) == [{"name": "get_weather", "arguments": ARGUMENTS}]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (QUESTION, " " + model.CALL),
        (ANSWERED, " " + model.ANSWER),
        ("[INST] hi[/INST]", " " + model.ANSWER_WITHOUT_TOOLS),
    ],
    ids=["call", "answer", "no tools"],
)
def test_a_stream_has_the_same_text_in_deltas(client: httpx.Client, prompt: str, text: str) -> None:
    """The last chunk has the reason and the usage."""
    (complete_choice,) = complete(client, prompt).json()["choices"]

    *chunks, done = read_events(complete(client, prompt, stream=True))

    choices = [chunk["choices"][0] for chunk in chunks]
    assert "".join(choice["text"] for choice in choices) == complete_choice["text"] == text
    assert [choice["text"] for choice in choices[-2:]] == ["", ""]
    assert [choice["finish_reason"] for choice in choices[-2:]] == [None, "stop"]
    assert "usage" in chunks[-1]
    assert (len(choices) > 4, done) == (True, "[DONE]")


def test_the_finish_reason_shows_a_text_cut_by_the_limit(client: httpx.Client) -> None:
    """The rest of the call is lost."""
    (choice,) = complete(client, QUESTION, max_tokens=6).json()["choices"]

    assert (choice["text"], choice["finish_reason"]) == (' [{"name":"get', "length")


def test_a_stop_text_ends_the_answer_before_it(client: httpx.Client) -> None:
    """It cannot be distinguished from a natural end."""
    (choice,) = complete(client, ANSWERED, stop=["has"]).json()["choices"]

    assert (choice["text"], choice["finish_reason"]) == (" The tool ", "stop")


def test_an_empty_prompt_is_an_empty_success(client: httpx.Client) -> None:
    """A 200 with nothing in it."""
    (choice,) = complete(client, "").json()["choices"]

    assert (choice["text"], choice["finish_reason"]) == ("", "stop")


def test_a_prompt_over_the_context_is_rejected(client: httpx.Client) -> None:
    """As in the chat format."""
    status, kind, _ = error(complete(client, "word " * model.CONTEXT_TOKENS))

    assert (status, kind) == (400, "exceed_context_size_error")


def test_a_missing_prompt_is_an_error_of_its_json_library(client: httpx.Client) -> None:
    """The message names the field."""
    status, kind, message = error(client.post("/completions", json={"max_tokens": 1}))

    assert (status, kind) == (400, "invalid_request_error")
    assert "'prompt' not found" in message
