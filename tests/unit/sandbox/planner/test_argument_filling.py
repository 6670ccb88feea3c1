"""Arguments read from one sentence by one tool's schema."""

from datetime import date

import pytest

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.argument_filling import Filling, fill
from agentkit.sandbox.planner.mentions import find_mentions
from agentkit.sandbox.planner.sentence import Scene
from agentkit.sandbox.planner.tool_knowledge import know

TODAY = date(2026, 11, 21)


def _fill(text: str, required: str = "", **properties: JsonValue) -> Filling:
    tool = ToolSpec(
        name="tool",
        description="",
        input_schema={
            "type": "object",
            "properties": properties,
            "required": [*required.split()],
            "additionalProperties": False,
        },
    )
    mentions = find_mentions(text, today=TODAY)
    return fill(know(tool), Scene(text=text, named=mentions, mentions=mentions))


def _text(description: str = "", **more: JsonValue) -> JsonValue:
    return {"type": "string", "description": description, **more}


_CITY = _text("city")


def _list(**items: JsonValue) -> JsonValue:
    return {"type": "array", "items": items}


@pytest.mark.parametrize(
    ("text", "name", "schema", "value"),
    [
        ("Export it detailed", "detailed", {"type": "boolean"}, True),
        ("Export it without detailed parts", "detailed", {"type": "boolean"}, False),
        ("Disable the alarm", "enabled", {"type": "boolean", "title": "enabled or not"}, False),
        ("Set it to level 3", "level", {"enum": [1, 2, 3]}, 3),
        ("Give it in km", "unit", _text(enum=["kilometre", "mile"]), "kilometre"),
        ("Translate into French", "lang", _text(enum=["de", "fr"]), "fr"),
        ("Pay in dollars", "money", _text(enum=["EUR", "USD"]), "USD"),
        ("Sort by names", "order", _text(enum=["name", "size"]), "name"),
        ("Use the in-progress state", "state", _text(enum=["in_progress", "done"]), "in_progress"),
        ("Always the same", "kind", {"const": "fixed"}, None),
        ("Tag it with bug and docs", "labels", _list(type="string", enum=["bug", "docs", "x"]),
         ["bug", "docs"]),
        ("Sum 1, 2 and 3", "numbers", _list(type="number"), [1, 2, 3]),
        ("Add 5%", "percent", {"type": "number", "description": "in percent"}, 5),
        ("Add 5%", "rate", {"type": "number"}, 0.05),
        ("Take 2.5 of it", "count", {"type": "integer"}, None),
        ("Close #12", "number", {"type": "integer"}, 12),
        ("Ask @bob", "number", {"type": "integer"}, None),
        ("width 3 and height 4", "height", {"type": "number"}, 4),
        ("priority: very high, today", "priority", _text(), "very high"),
        ("with title 'Big plans'", "title", _text(), "Big plans"),
        ("Look in the folder docs/old", "folder", _text(), "docs/old"),
        ("Look in src/lib", "directory", _text(), "src/lib"),
        ("Look in the folder", "folder", _text(), None),
        ("Fetch https://x.org/a.", "url", _text(), "https://x.org/a"),
        ("Fetch it at 9:30", "at", _text(), "09:30"),
        ("From 2026-01-01 to 2026-02-01", "end", _text(format="date"), "2026-02-01"),
        ("From 2026-01-01 to 2026-02-01", "start", _text(format="date"), "2026-01-01"),
        ("At 2026-01-01 8 am", "starts", _text(format="date-time"), "2026-01-01T08:00:00"),
        ("At 8:15:30 today", "start_time", _text("date and time"), "2026-11-21T08:15:30"),
        ("Tomorrow", "when", _text(format="date-time"), None),
        ("Run 'select 1 from t'", "sql", _text(), "select 1 from t"),
        ("Run the query", "sql", _text(), None),
        ("Say it in German", "language", _text("ISO code of the language"), "de"),
        ("Say it in German", "language", _text(), "German"),
        ("Say it in style", "language", _text(), None),
        ("Hello to Berlin in winter", "city", _text(), "Berlin"),
        ("weather for the north pole", "place", _text(), "north pole"),
        ("how is it in it", "place", _text(), None),
        ("Play something by queen", "artist", _text(), "queen"),
        ("Show it for it", "thing", _text(), None),
        ("Show details for order", "thing", _text(), "order"),
        ("Tell it: all is well", "message", _text(), "all is well"),
        ("Tell it to it", "message", _text(), None),
        ("Give it", "message", _text(), None),
        ("Mail ann@x.org the subject 'Lunch'", "to", _text("whom"), "ann@x.org"),
        ("Measure it in metres", "unit", _text(), "metres"),
        ("Convert 5 kg and 3 lb", "to_unit", _text(), "lb"),
        ("Convert it", "from_unit", _text(), None),
        ("Match *.md", "pattern", _text(), "*.md"),
        ("In 2 places", "grid", _list(type="array", items={"type": "number"}), None),
        ("A list", "things", {"type": "array"}, None),
        ("At 5", "point", {"type": "object", "properties": {"x": {"type": "number"}},
                           "required": ["x"]}, {"x": 5}),
        ("At home", "point", {"properties": {"x": {"type": "number"}}, "required": ["x"]}, None),
    ],
)  # fmt: skip
def test_a_required_value_is_read_or_missing(
    text: str, name: str, schema: JsonValue, value: JsonValue
) -> None:
    """By the type, the name, the description, the format."""
    filling = _fill(text, name, **{name: schema})

    if value is None:
        assert (filling.arguments, filling.missing) == ((), (name,))
    else:
        assert (filling.arguments, filling.missing) == (({name: value},), ())


@pytest.mark.parametrize(
    ("text", "name", "schema", "value"),
    [
        ("Weather in Paris", "note", _text("a message"), None),
        ("Weather in Paris, note: be quick", "note", _text("a message"), "be quick"),
        ("Show 5 things", "limit", {"type": "integer"}, None),
        ("Show the top 5", "limit", {"type": "integer"}, 5),
        ("Show 5 things", "max_things", {"type": "integer"}, 5),
        ("Order 2 large ones", "count", {"type": "integer", "description": "How many."}, 2),
        ("Order 2 of size 7", "count", {"type": "integer", "description": "How many."}, None),
        ("Find 3 blind mice", "n", {"type": "integer", "description": "How many results"}, None),
        ("Names of 3 and 4", "names", _list(type="string"), None),
        ("Tag it bug", "labels", _list(type="string", enum=["bug"]), ["bug"]),
        ("At home", "point", {"properties": {"x": {"type": "number"}}}, None),
    ],
)
def test_an_optional_value_is_left_out_unless_it_is_surely_meant(
    text: str, name: str, schema: JsonValue, value: JsonValue
) -> None:
    """A guess would change what the tool does."""
    filling = _fill(text, "", **{name: schema})

    assert filling.arguments == (({} if value is None else {name: value}),)


def test_several_things_make_several_calls() -> None:
    """The rest is the same in each."""
    filling = _fill(
        "Go from Paris to Oslo and Bern", "origin destination", origin=_CITY, destination=_CITY
    )

    assert filling.arguments == (
        {"origin": "Paris", "destination": "Oslo"},
        {"origin": "Paris", "destination": "Bern"},
    )


def test_several_things_in_two_places_are_asked_about() -> None:
    """Who goes with whom is not said."""
    filling = _fill(
        "Go from Paris and Rome to Oslo and Bern",
        "origin destination",
        origin=_CITY,
        destination=_CITY,
    )

    assert (filling.arguments, filling.missing) == ((), ("destination",))


def test_what_the_schema_refuses_is_not_sent() -> None:
    """Even where it was read."""
    filling = _fill("Take 500", "count", count={"type": "integer", "maximum": 100})

    assert (filling.arguments, filling.missing, filling.partial) == ((), (), {"count": 500})


def test_a_very_deep_schema_ends() -> None:
    """Arrays of arrays, objects of objects, references to themselves."""
    deep: JsonValue = {"type": "number"}
    for _ in range(40):
        deep = {"type": "object", "properties": {"x": deep}, "required": ["x"]}
    nested: JsonValue = {"type": "string"}
    for _ in range(40):
        nested = {"type": "array", "items": nested}

    assert _fill("Take 5", "x", x=deep).arguments == ()
    assert _fill("Take 5", "y", y=nested).missing == ("y",)


def test_several_numbers_are_one_for_each_parameter() -> None:
    """Where several are wanted."""
    number: JsonValue = {"type": "number"}

    assert _fill("Add 3 and 4", "a b", a=number, b=number).arguments == ({"a": 3, "b": 4},)
    assert _fill("Halve 3 and 4", "a", a=number, b=number).arguments == ({"a": 3}, {"a": 4})
