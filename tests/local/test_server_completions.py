"""llama.cpp's server with raw text, as it is: the prompt of tokenizer v3 is written by the client.

- Bracketed words in the prompt are read as special tokens. `<s>` is put in front by the server; one
  that the client writes as well is doubled, and the model is none the worse.
- The marker [TOOL_CALLS] is missing from the text that returns: a call is ` [{"name":…}]`, without
  an id, with `finish_reason: "stop"`. It is not forced into any schema.
- A stream ends with two empty texts, the second with finish reason and usage, then `[DONE]`.
- A stop text is not in the answer, and the finish reason is `stop` all the same.
- An empty prompt is a 200 with an empty text; a missing one is a 400 out of the JSON library.
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
    """Post a prompt, at temperature 0."""
    body = {"prompt": prompt, "temperature": 0, "max_tokens": 200}
    return client.post("/completions", json=body | fields)


@pytest.mark.parametrize("prompt", [QUESTION, "<s>" + QUESTION], ids=["bare", "with a begin"])
def test_a_call_comes_as_text_without_its_marker(client: httpx.Client, prompt: str) -> None:
    """Only its form tells that it is one."""
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
def test_a_stream_brings_the_same_text_in_pieces(
    client: httpx.Client, prompt: str, text: str
) -> None:
    """The reason stands in the last chunk, beside the usage."""
    (whole,) = complete(client, prompt).json()["choices"]

    *chunks, done = read_events(complete(client, prompt, stream=True))

    choices = [chunk["choices"][0] for chunk in chunks]
    assert "".join(choice["text"] for choice in choices) == whole["text"] == text
    assert [choice["text"] for choice in choices[-2:]] == ["", ""]
    assert [choice["finish_reason"] for choice in choices[-2:]] == [None, "stop"]
    assert "usage" in chunks[-1]
    assert (len(choices) > 4, done) == (True, "[DONE]")


def test_a_text_cut_by_the_limit_says_so(client: httpx.Client) -> None:
    """The rest of the call never comes."""
    (choice,) = complete(client, QUESTION, max_tokens=6).json()["choices"]

    assert (choice["text"], choice["finish_reason"]) == (' [{"name":"get', "length")


def test_a_stop_text_ends_the_answer_in_front_of_it(client: httpx.Client) -> None:
    """Nothing tells it from a natural end."""
    (choice,) = complete(client, ANSWERED, stop=["has"]).json()["choices"]

    assert (choice["text"], choice["finish_reason"]) == (" The tool ", "stop")


def test_an_empty_prompt_is_an_empty_success(client: httpx.Client) -> None:
    """A 200 with nothing in it."""
    (choice,) = complete(client, "").json()["choices"]

    assert (choice["text"], choice["finish_reason"]) == ("", "stop")


def test_a_prompt_over_the_context_is_refused(client: httpx.Client) -> None:
    """As in the chat form."""
    status, kind, _ = error(complete(client, "word " * model.CONTEXT_TOKENS))

    assert (status, kind) == (400, "exceed_context_size_error")


def test_a_missing_prompt_is_an_error_of_its_json_library(client: httpx.Client) -> None:
    """The words name the field."""
    status, kind, message = error(client.post("/completions", json={"max_tokens": 1}))

    assert (status, kind) == (400, "invalid_request_error")
    assert "'prompt' not found" in message
