"""Read the value of one parameter from a sentence.

In:  a `Slot`, and a `Scene`: the sentence and what it names.
Out: `Reading`s that stand side by side ("Paris and Tokyo" are two), or none.

Nothing is made up: every value stands in the sentence, or follows from a word that does.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.arithmetic import Spelling, find_expressions
from agentkit.sandbox.planner.mentions import Kind, Mention, mask
from agentkit.sandbox.planner.parameters import Role, Slot
from agentkit.sandbox.planner.sentence import PREPOSITIONS, Reading, Scene, take_group
from agentkit.sandbox.planner.unit_names import name_currency, name_language, name_unit
from agentkit.sandbox.planner.words import is_filler, split_words, stem

_SIDE_CUES = {"from": {"from", "between"}, "to": {"to", "into"}}
_SAYING = re.compile(
    r"\b(?:saying|that says|which says|says|that reads|with the (?:text|message|content|body))\b:?",
    re.I,
)
_OBJECT = re.compile(
    r"^(?:please\s+)?(?:write|save|store|put|append|translate|say|post|send|note)\s+(?:down\s+)?"
    r"(.+?)\s+(?:to|into|in|on)\b",
    re.I,
)
_OPENING = re.compile(
    r"\b(?:mention(?:s|ing|ed)?|contain(?:s|ing|ed)?|matching|about|regarding|for"
    r"|(?<!look )to(?! (?:the|my|a|an)\b)(?= [a-z]))\b",
    re.I,
)
_SQL = re.compile(
    r"\b(?:select|with)\b.+\bfrom\b.+|\b(?:insert into|delete from)\b.+|\bupdate\b.+\bset\b.+",
    re.I | re.S,
)
_COUNT = re.compile(r"^(?!.*\b(?:limit|max\w*|most|results?)\b).*\b(?:how many|quantity)\b", re.S)
_LEADS = re.compile(r"^(?:(?:that|the|a|an|any|all|some|me|my|word|text|phrase|note)\s+)+", re.I)


def read_scalar(slot: Slot, scene: Scene) -> list[Reading]:
    """Return the values for a slot that holds no list and no object; several stand side by side."""
    if slot.shape == "boolean":
        return _read_boolean(slot, scene)
    if slot.choices:
        return _read_choices(slot, scene)[:1]
    if slot.shape in {"number", "integer"}:
        return _read_number(slot, scene)
    labelled = _read_labelled(slot, scene)
    return labelled or _READERS.get(slot.role, _read_word)(slot, scene)


def read_all(slot: Slot, scene: Scene) -> list[Reading]:
    """Return all that an array of `slot` would hold."""
    return _read_choices(slot, scene) if slot.choices else read_scalar(slot, scene)


def _pick_side(slot: Slot, found: Sequence[Mention], scene: Scene) -> Sequence[Mention]:
    """Of two ends, keep the one this slot is; all, if it is neither."""
    if slot.side is None or not found:
        return found
    cued = [m for m in found if scene.cue(m.start) in _SIDE_CUES[slot.side]]
    if cued and scene.cue(cued[0].start) == "between":
        return cued[:1]
    if cued:
        return found[found.index(cued[0]) :]  # with those that stand beside it
    other = "to" if slot.side == "from" else "from"
    free = [m for m in found if scene.cue(m.start) not in _SIDE_CUES[other]]
    times = [mention for mention in scene.named if mention.kind == "time"]
    if times and slot.role == "place":  # "in Lima when it is 9:30 in Tokyo" starts from Tokyo
        free = sorted(free, key=lambda m: abs(m.start - times[0].end))
    return free[:1] if slot.side == "from" else free[-1:]


def _by_kind(*kinds: Kind) -> "_Reader":
    def read(slot: Slot, scene: Scene) -> list[Reading]:
        found = _pick_side(slot, scene.of_kind(*kinds), scene)
        return take_group(found, scene, 2.0)

    return read


def _read_boolean(slot: Slot, scene: Scene) -> list[Reading]:
    """Read yes or no from the parameter's own words, or from "on" and "off"."""
    turned = re.search(r"\b(?:turn|switch)\b.*?\b(on|off)\b|\b(enable|disable)\b", scene.text, re.I)
    if turned and re.search(r"\b(?:on|off|enabled?|active)\b", slot.about):
        is_on = turned.group().lower().endswith(("on", "enable"))
        return [Reading(value=is_on, start=turned.start(), end=turned.end())]
    for match in re.finditer(r"[^\W\d_]+", scene.text):
        if slot.words and stem(match.group().lower()) == slot.words[-1]:
            before = scene.text[: match.start()].lower().rstrip()
            is_denied = (
                re.search(r"\b(?:no|not|without|don't|never)(?:\s+\w+)?$", before) is not None
            )
            return [Reading(value=not is_denied, start=match.start(), end=match.end())]
    return []


def _read_choices(slot: Slot, scene: Scene) -> list[Reading]:
    readings = []
    for choice in slot.choices:
        match = _find_choice(choice, scene)
        if match is not None:
            readings.append(Reading(value=choice, start=match[0], end=match[1], strength=1.5))
    return sorted(readings, key=lambda reading: reading.start)


def _find_choice(choice: JsonValue, scene: Scene) -> tuple[int, int] | None:
    """Find a listed value by its words, as a unit, as a currency or as a language."""
    spoken = re.sub(r"[_-]", " ", str(choice)).lower()
    if len(spoken) > 1 or not spoken.isalpha():
        found = re.search(rf"\b{re.escape(spoken)}\b", scene.text.lower().replace("-", " "))
        if found:
            return found.span()
    for mention in scene.of_kind("number", "unit"):
        if mention.unit and name_unit(mention.unit) == name_unit(spoken) is not None:
            return mention.start, mention.end
    for match in re.finditer(r"[^\W\d_]+", scene.text):
        word = match.group()
        if name_language(word) == spoken or name_currency(word) == spoken.upper():
            return match.span()
        if len(spoken) > 3 and stem(word.lower()) == stem(spoken):
            return match.span()
    return None


def _read_number(slot: Slot, scene: Scene) -> list[Reading]:
    numbers = scene.of_kind("number", "tag")
    if not slot.is_required and not (len(numbers) == 1 and _COUNT.search(slot.about)):
        numbers = [m for m in numbers if _is_labelled(slot, m, scene)]
    else:
        numbers = [m for m in numbers if _is_labelled(slot, m, scene)] or numbers
    found = [m for m in numbers if _as_number(slot, m) is not None]
    return [
        Reading(value=_as_number(slot, m), start=m.start, end=m.end, strength=1.0 + bool(m.unit))
        for m in found
        if m.start in {r.start for r in take_group(found, scene, 1.0)}
    ]


def _as_number(slot: Slot, mention: Mention) -> float | int | None:
    number = mention.number
    if mention.kind == "tag":
        number = int(mention.text[1:]) if mention.text[1:].isdigit() else None
    if number is None:
        return None
    if mention.is_percent and not re.search(r"percent|%", slot.about):
        number = number / 100
    if slot.shape == "integer":
        return int(number) if number == int(number) else None
    return number


def _is_labelled(slot: Slot, mention: Mention, scene: Scene) -> bool:
    """Return whether a word of the parameter's name stands right before or after the number."""
    before = split_words(scene.text[: mention.start])[-3:]
    after = split_words(scene.text[mention.end :])[:1]
    if slot.words and {"limit", "count", "max", "maximum", "top", "results"} & set(
        slot.about.split()
    ):
        before = ["limit" if word in {"top", "first", "limit"} else word for word in before]
        if "limit" in before[-1:]:
            return True
    spoken = {stem(word) for word in [*before[-2:], *after]}
    return bool(spoken & set(slot.words))


def _read_labelled(slot: Slot, scene: Scene) -> list[Reading]:
    """Read what the sentence itself labels: "subject 'Hi'", "priority: high", "titled X"."""
    names = "|".join(re.escape(word) for word in split_words(slot.name) if not is_filler(word))
    if not names:
        return []
    for match in re.finditer(rf"\b(?:{names})\b\s*(?::|=|\bis\b|\bof\b)?\s*", scene.text, re.I):
        quoted = [m for m in scene.of_kind("quoted") if m.start == match.end()]
        if quoted:
            return take_group(quoted, scene, 2.0)
        if match.group().rstrip().endswith((":", "=")):
            value = re.match(r"[^,;\n]+", scene.text[match.end() :])
            if value:
                end = match.end() + value.end()
                text = value.group().strip()
                return [Reading(value=text, start=match.start(), end=end, strength=2.0)]
    return []


def _read_expression(slot: Slot, scene: Scene) -> list[Reading]:
    hidden = [m for m in scene.mentions if m.kind not in {"number", "name", "unit"}]
    spelling = Spelling.parse(f"{slot.about} {scene.tool_text}")
    found = find_expressions(mask(scene.text, hidden), spelling)
    spans = tuple((m.start, m.end) for m in scene.of_kind("number"))
    return [Reading(value=one, start=0, end=0, strength=2.0, also=spans) for one in found]


def _read_folder(_slot: Slot, scene: Scene) -> list[Reading]:
    pattern = r"\b(?:folder|directory)\s+([\w./-]*\w)|\b([\w./-]+)\s+(?:folder|directory)\b"
    for match in re.finditer(pattern, scene.text, re.I):
        value = match.group(1) or match.group(2)
        if not is_filler(value) and value.lower() not in {"called", "named"}:
            return [Reading(value=value, start=match.start(), end=match.end(), strength=2.0)]
    bare = [m for m in scene.of_kind("path") if "." not in m.text.rsplit("/", 1)[-1]]
    return take_group(bare, scene, 1.5)


def _read_pattern(_slot: Slot, scene: Scene) -> list[Reading]:
    globs = [m for m in scene.of_kind("path", "quoted") if "*" in m.text]
    return take_group(globs, scene, 2.0)


def _read_unit(slot: Slot, scene: Scene) -> list[Reading]:
    """The unit beside a number is where a conversion starts; the other is where it goes."""
    attached = [m for m in scene.of_kind("number") if m.unit]
    alone = scene.of_kind("unit")
    if "currenc" in slot.about:
        named = [m for m in scene.of_kind("name") if name_currency(m.text)]
        alone = sorted([*alone, *named], key=lambda m: m.start)
    pool = {"from": attached or alone[:1], "to": alone or attached[1:], None: alone or attached}
    found = pool[slot.side]
    if not found:
        return []
    chosen = found[0]
    written = chosen.unit or chosen.text
    value = (name_currency(written) or written) if "currenc" in slot.about else written
    start = chosen.end if chosen.kind == "number" else chosen.start
    return [Reading(value=value, start=start, end=chosen.end, strength=2.0)]


def _read_moment(slot: Slot, scene: Scene) -> list[Reading]:
    days, times = scene.of_kind("date"), scene.of_kind("time")
    if not days or not times:
        return []
    day, time = _pick_side(slot, days, scene)[0], _pick_side(slot, times, scene)[0]
    clock = time.text if time.text.count(":") == 2 else f"{time.text}:00"
    start, end = min(day.start, time.start), max(day.end, time.end)
    return [Reading(value=f"{day.text}T{clock}", start=start, end=end, strength=2.0)]


def _read_place(slot: Slot, scene: Scene) -> list[Reading]:
    found = _pick_side(slot, scene.of_kind("name", "quoted"), scene)
    if found:
        return take_group(found, scene, 1.5)
    cues = {"from": "from|of", "to": "to|into|in", None: "in|at|for|near|of|to"}[slot.side]
    blank = mask(scene.text, scene.mentions)
    pattern = rf"\b(?:{cues})\s+(?:the\s+)?([^\W\d_]+(?:\s[^\W\d_]+)?)"
    for match in re.finditer(pattern, blank, re.I):
        words = [word for word in match.group(1).split() if not is_filler(word)]
        if words:
            value = " ".join(words)
            return [Reading(value=value, start=match.start(1), end=match.end(1), strength=0.5)]
    return []


def _read_language(slot: Slot, scene: Scene) -> list[Reading]:
    words = [m for m in re.finditer(r"[^\W\d_]+", scene.text) if name_language(m.group())]
    cued = [m for m in words if scene.cue(m.start()) in {*_SIDE_CUES[slot.side or "to"], "in"}]
    for match in cued or (words if slot.side is None else []):
        written = match.group()
        value = name_language(written) if re.search(r"\bcode\b|\biso\b", slot.about) else written
        return [Reading(value=value, start=match.start(), end=match.end(), strength=1.5)]
    return []


def _read_sql(_slot: Slot, scene: Scene) -> list[Reading]:
    match = _SQL.search(scene.text)
    quoted = [m for m in scene.of_kind("quoted") if _SQL.match(m.text)]
    if quoted:
        return take_group(quoted, scene, 2.0)
    if match:
        value = match.group().rstrip(" ?.;")
        return [Reading(value=value, start=match.start(), end=match.end(), strength=2.0)]
    return []


def _read_long_text(_slot: Slot, scene: Scene) -> list[Reading]:
    """Read a quotation, what a verb takes, or all that follows a word that opens it."""
    quoted = scene.of_kind("quoted")
    if quoted:
        return take_group(quoted[-1:], scene, 1.5)
    verb = _OBJECT.search(scene.text)
    opens = _SAYING.search(scene.text) or re.search(r":\s", scene.text)
    if verb and not opens:
        return _as_reading(scene.text, verb.start(1), verb.end(1))
    is_verbatim = opens is not None
    opens = opens or _OPENING.search(scene.text) or re.search(r"\blook up\b", scene.text, re.I)
    if opens is None:
        return []
    ends = [start for start, _ in scene.taken if start >= opens.end()]
    end = min(ends, default=len(scene.text))
    return _as_reading(scene.text, opens.end(), end, is_verbatim=is_verbatim)


def _as_reading(text: str, start: int, end: int, *, is_verbatim: bool = False) -> list[Reading]:
    """Take the text between two places, without what hangs loose at its ends."""
    value = text[start:end].strip(" ,:?.!")
    if not is_verbatim:
        value = _LEADS.sub("", value)
    value = re.sub(rf"(?:\s+(?:{'|'.join(PREPOSITIONS.split())}|and))+$", "", value, flags=re.I)
    if not value or is_filler(value):
        return []
    begin = text.find(value, start)
    return [Reading(value=value, start=begin, end=begin + len(value), strength=0.5)]


def _read_name(slot: Slot, scene: Scene) -> list[Reading]:
    paths = [m for m in scene.of_kind("path") if "repo" in slot.about and "/" in m.text]
    quoted = [m for m in scene.of_kind("quoted") if not _SAYING.search(scene.text[: m.start])]
    found = paths or quoted or scene.of_kind("name", "tag")
    if found:
        return take_group(found, scene, 1.0)
    return _read_after(r"called|named|titled|for|of|about|by", scene)


def _read_word(slot: Slot, scene: Scene) -> list[Reading]:
    addresses = scene.of_kind("email") if slot.side is not None else []
    found = addresses or scene.of_kind("quoted") or scene.of_kind("name", "tag", "path")
    if found:
        return take_group(_pick_side(slot, found, scene), scene, 0.75)
    return _read_after(r"for|of|about|in|on|to|from|named|called", scene)


def _read_after(cues: str, scene: Scene) -> list[Reading]:
    """Read the words between one of `cues` and the next preposition."""
    blank = mask(scene.text, scene.mentions)
    stops = "|".join([*PREPOSITIONS.split(), "saying", "says", "that"])
    pattern = rf"\b(?:{cues})\s+((?:(?!\b(?:{stops}|and)\b)[^\W_][\w'-]*\s?)+)"
    for match in re.finditer(pattern, blank, re.I):
        value = _LEADS.sub("", match.group(1).strip())
        if value and not all(is_filler(word) for word in value.split()):
            return [Reading(value=value, start=match.start(1), end=match.end(1), strength=0.25)]
    return []


_Reader = Callable[[Slot, Scene], list[Reading]]

_READERS: Mapping[Role, _Reader] = {
    "expression": _read_expression,
    "email": _by_kind("email"),
    "url": _by_kind("url"),
    "path": _by_kind("path"),
    "date": _by_kind("date"),
    "time": _by_kind("time"),
    "moment": _read_moment,
    "folder": _read_folder,
    "pattern": _read_pattern,
    "unit": _read_unit,
    "place": _read_place,
    "language": _read_language,
    "sql": _read_sql,
    "long_text": _read_long_text,
    "name": _read_name,
}
