"""Values behave like the standard library's frozen dataclasses."""

import copy
import dataclasses
import inspect
import pickle
import weakref
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A value."""

    name: str
    size: int = 1
    parts: list[int] = dataclasses.field(default_factory=list)
    hidden: int = dataclasses.field(default=0, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Reject a negative size."""
        if self.size < 0:
            raise ValueError(self.size)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """The same fields, with the standard decorator."""

    name: str
    size: int = 1
    parts: list[int] = dataclasses.field(default_factory=list)
    hidden: int = dataclasses.field(default=0, repr=False, compare=False)


class Derived(Ours):
    """A user's subclass, with attributes that are not fields."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A value with positional fields."""

    first: int
    second: int = 2


def test_a_value_looks_like_a_standard_dataclass() -> None:
    """Fields, signature and repr are the same."""
    ours, plain = Ours(name="a", hidden=3), Plain(name="a", hidden=3)

    assert repr(ours) == repr(plain).replace("Plain", "Ours")
    assert dataclasses.asdict(ours) == dataclasses.asdict(plain)
    assert inspect.signature(Ours) == inspect.signature(Plain)
    assert inspect.signature(Pair) == inspect.Signature.from_callable(Pair)
    assert not hasattr(ours, "__dict__")


def test_equal_fields_make_equal_values() -> None:
    """Fields with `compare=False` are ignored, and another class is never equal."""
    assert Ours(name="a", hidden=1) == Ours(name="a", hidden=2)
    assert Ours(name="a") != Ours(name="b")
    assert Ours(name="a") != Derived(name="a")
    assert hash(Pair(1)) == hash(Pair(1, 2))
    assert {Pair(1), Pair(1, 2), Pair(2)} == {Pair(1), Pair(2)}


def test_a_value_cannot_be_changed_but_can_be_copied() -> None:
    """Like a frozen dataclass."""
    ours: Any = Ours(name="a")

    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'name'"):
        ours.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del ours.name
    assert dataclasses.replace(ours, name="b") == Ours(name="b")
    for again in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert again == ours


def test_a_subclass_may_have_more_attributes() -> None:
    """Its own attributes can be set; the fields of the value cannot."""
    derived: Any = Derived(name="a")

    derived.more = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        derived.size = 2

    assert (derived.more, derived.size) == (1, 1)
    assert inspect.signature(Derived) == inspect.signature(Plain)


def test_an_invalid_value_cannot_be_made() -> None:
    """The class's own check runs from the first call on."""
    for _ in range(2):
        with pytest.raises(ValueError, match="-1"):
            Ours(name="a", size=-1)
    with pytest.raises(TypeError, match=r"Ours.__init__\(\) missing 1 required keyword-only"):
        Ours()  # type: ignore[call-arg]  # on purpose


def test_positional_fields_can_be_matched() -> None:
    """`match` reads them in order."""
    match Pair(3, 4):
        case Pair(first, second):
            assert (first, second) == (3, 4)


class Counted(Ours):
    """A user's subclass with its own `__init__`."""

    def __init__(self, count: int) -> None:
        """Name it by its count."""
        super().__init__(name=str(count))


@dataclass(frozen=True, slots=True)
class Late:
    """A value with a computed field."""

    first: int
    second: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Compute the second field."""
        object.__setattr__(self, "second", self.first + 1)


def test_a_subclass_may_have_its_own_init() -> None:
    """With its own arguments; the fields are set."""
    assert Counted(3).name == "3"
    assert type(Counted(3)) is Counted
    assert list(inspect.signature(Counted).parameters) == ["count"]


def test_fields_are_set_however_they_are_given() -> None:
    """By position or name, by default or factory, or computed."""
    assert Late(1) == Late(first=1)
    assert Late(1).second == 2
    assert Ours(name="a").parts is not Ours(name="a").parts
    assert type(Ours(name="a")) is Ours
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        Ours(name="a", nonsense=1)  # type: ignore[call-arg]  # on purpose


def test_replace_returns_a_copy_with_the_given_changes() -> None:
    """Like the standard function, for values of all kinds."""
    ours = Ours(name="a", size=2, parts=[1], hidden=3)

    assert replace(ours, size=5) == Ours(name="a", size=5, parts=[1], hidden=3)
    assert (replace(ours, size=5).hidden, replace(ours).parts) == (3, [1])
    assert replace(Pair(1), second=7) == Pair(1, 7)
    assert type(replace(Derived(name="a"), name="b")) is Derived
    assert replace(Late(1), first=3).second == 4
    with pytest.raises(ValueError, match="-1"):
        replace(ours, size=-1)
    with pytest.raises(TypeError, match="nonsense"):
        replace(ours, nonsense=1)  # type: ignore[call-arg]  # on purpose


@dataclass(slots=True, kw_only=True)
class Open:
    """A value that is not frozen."""

    first: int
    parts: list[int] = dataclasses.field(default_factory=list)


def test_a_value_that_is_not_frozen_can_be_changed() -> None:
    """It is compared, shown and copied like the others, and has no hash."""
    value = Open(first=1)

    value.first = 2

    assert value == Open(first=2, parts=[])
    assert repr(value) == "Open(first=2, parts=[])"
    assert replace(value, first=3).parts is value.parts
    assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


def test_pydantic_reads_and_writes_values_before_their_first_use() -> None:
    """It makes them without `__init__`; what was late is written when it is needed."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Fresh:
        name: str
        size: int = 1

    adapter = TypeAdapter(Fresh)
    value = adapter.validate_json('{"name": "a"}')

    assert repr(value).endswith("Fresh(name='a', size=1)")
    assert (value, hash(value)) == (Fresh(name="a"), hash(Fresh(name="a")))
    assert adapter.dump_json(value) == b'{"name":"a","size":1}'
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.size = 2  # type: ignore[misc]  # on purpose


def test_a_value_can_be_referenced_weakly() -> None:
    """A cache may follow it without keeping it."""
    value = Pair(1)
    reference = weakref.ref(value)

    assert reference() is value
    del value
    assert reference() is None


def test_a_subclass_keeps_its_attributes_when_copied() -> None:
    """Those that are fields, and those that are not."""
    derived: Any = Derived(name="a")
    derived.more = 1

    for again in (copy.copy(derived), pickle.loads(pickle.dumps(derived))):
        assert (again, again.more) == (derived, 1)
