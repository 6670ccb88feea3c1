"""The text that deltas stand for: halves of characters, and snapshots."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.model.incoming_text import IncomingText
from agentkit.surrogates import replace_surrogates

SENTENCE = "The weather in Oslo is fine."


def joined(*deltas: str) -> str:
    """Return the text that deltas stand for."""
    incoming = IncomingText()
    return "".join([*map(incoming.feed, deltas), incoming.close()])


@pytest.mark.parametrize(
    ("deltas", "text"),
    [
        (["fine \ud83d", "\ude00!"], "fine \U0001f600!"),
        (["\ud83d", "", "\ude00"], "\U0001f600"),
        (["\ud83d"], "\ufffd"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["a\ude00b"], "a\ufffdb"),
        (["\ud83d\ud83d\ude00"], "\ufffd\U0001f600"),
    ],
)
def test_halves_of_a_character_are_joined(deltas: list[str], text: str) -> None:
    """A lone half becomes U+FFFD, so that every text can be encoded."""
    assert joined(*deltas) == text


@pytest.mark.parametrize(
    "deltas",
    [
        [SENTENCE[:11], SENTENCE[:19], SENTENCE],
        [SENTENCE[:3], SENTENCE[:11], SENTENCE[:19], SENTENCE],
        [SENTENCE[:1], SENTENCE[:2], SENTENCE[:3], SENTENCE],
        [*(SENTENCE[at : at + 4] for at in range(0, len(SENTENCE), 4)), SENTENCE],
        [SENTENCE, SENTENCE],
    ],
    ids=["growing", "from a word", "from a letter", "once more", "twice"],
)
def test_a_snapshot_replaces_what_came_before_it(deltas: list[str]) -> None:
    """Whether all so far comes with each delta, or all once more at the end."""
    assert joined(*deltas) == SENTENCE


@pytest.mark.parametrize(
    "deltas",
    [
        ["ha", "ha", "ha"],
        ["ha", "haha", "!"],
        ["-", "---", "---"],
        ["1", "10", "100"],
        ["\n", "\n\n", "a"],
        ["no ", "no no ", "yes"],
        ["Bye! ", "Bye! ", "See you."],
        ["********", "********"],
        ["word word word word word "] * 3,
    ],
)
def test_text_that_repeats_itself_is_no_snapshot(deltas: list[str]) -> None:
    """It is short, or goes on in another way."""
    assert joined(*deltas) == "".join(deltas)


@given(
    text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
    sizes=st.lists(st.integers(1, 5), max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_plain_text_stays_as_it_is(text: str, sizes: list[int]) -> None:
    """Unless a piece of it is all that came before."""
    deltas, at = [], 0
    for size in sizes:
        deltas.append(text[at : at + size])
        at += size
    deltas.append(text[at:])
    so_far = ""
    for delta in deltas:
        if so_far and delta.startswith(so_far):
            return
        so_far += delta

    assert joined(*deltas) == text


@given(text=st.text(min_size=1, max_size=40), step=st.integers(1, 7))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_encoded(text: str, step: int) -> None:
    """Also one that was cut by UTF-16 units."""
    units = text.encode("utf-16-le", "surrogatepass")
    parts = [units[at : at + 2 * step] for at in range(0, len(units), 2 * step)]
    deltas = [part.decode("utf-16-le", "surrogatepass") for part in parts]

    assert joined(*deltas).encode().decode() is not None
    assert replace_surrogates(text).encode()
