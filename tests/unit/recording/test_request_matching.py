"""Comparing requests with recorded ones."""

from agentkit.recording.recording import RecordedExchange, RecordedFault
from agentkit.recording.request_matching import nearest, request_key
from agentkit.wire import WireRequest

FAULT = RecordedFault(message="x", kind="server", retry="same")


def _exchange(body: bytes) -> RecordedExchange:
    return RecordedExchange(provider="h", request=WireRequest(path="/x", body=body), outcome=FAULT)


def _difference(known: bytes, asked: bytes) -> str | None:
    return nearest("h", WireRequest(path="/x", body=asked), [_exchange(known)]).difference


def test_a_field_with_dots_is_not_a_nested_field() -> None:
    """Two bodies that would look alike as paths have different keys."""
    keys = {
        request_key("h", WireRequest(path="/x", body=body))
        for body in (b'{"a.b": 1}', b'{"a": {"b": 1}}', b'{"a[0]": 1}', b'{"a": [1]}')
    }

    assert len(keys) == 4


def test_fewest_differences_are_nearest_and_then_the_longest_likeness() -> None:
    """The later of two equally near ones does not win."""
    recorded = [
        _exchange(b'{"a": "xyz", "b": 2}'),
        _exchange(b'{"a": "abc", "b": 1}'),
        _exchange(b'{"a": "abd", "b": 1}'),
        _exchange(b'{"a": "abe", "b": 1}'),
    ]

    found = nearest("h", WireRequest(path="/x", body=b'{"a": "abx", "b": 1}'), recorded)

    assert (found.index, found.difference) == (1, 'at body.a: recorded "abc", sent "abx"')


def test_what_is_on_one_side_only_is_called_nothing() -> None:
    """A field more, a field less, another kind of body."""
    assert _difference(b'{"a": 1}', b'{"a": 1, "b": []}') == "at body.b: recorded nothing, sent []"
    assert _difference(b'{"a": [1, 2]}', b'{"a": [1]}') == "at body.a[1]: recorded 2, sent nothing"
    assert _difference(b"plain", b"{}") == "at body: recorded nothing, sent {}"
    assert _difference(b'{"a": 1}', b'{"a": 1}') is None


def test_long_values_are_shown_around_the_place_where_they_part() -> None:
    """Both ends may be left out."""
    known, asked = b'"%s1%s"' % (b"a" * 100, b"c" * 100), b'"%s2%s"' % (b"a" * 100, b"c" * 100)

    assert _difference(known, asked) == (
        f"at body: recorded …{'a' * 20}1{'c' * 39}…, sent …{'a' * 20}2{'c' * 39}…"
    )


def test_very_deep_bodies_are_compared_as_text_from_some_depth_on() -> None:
    """A request of odd depth gives a difference, not a recursion error."""
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    other = deep.replace(b"1", b"2")

    difference = _difference(deep, other)

    assert difference is not None
    assert difference.startswith("at body" + ".a" * 49)
