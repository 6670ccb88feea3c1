"""Read a question for any tool whose name and arguments it names.

In:  the tokens of a question, and one tool.
Out: `ToolReading`: the calls if every token has its place, else the tokens that have none.
"""

import re
from collections.abc import Iterator, Sequence

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question_tokens import PATH, QuestionToken
from agentkit.sandbox.planner.tool_knowledge import IntendedCall, KnownParameter, KnownTool, stem

_OPENING = re.compile(
    r"(?:(?:please|and|also|then|now|ok|so|can you|could you|would you|tell me|show me|give me"
    r"|get me|get|let me know|say something about|about|look up|look at|do|take"
    r"|what(?:'s| is| are)?|which|how(?:'s| is| are)|is|are)\b[ ,]*)*",
    re.IGNORECASE,
)
_FILLERS = {
    "a", "an", "the", "of", "in", "at", "on", "for", "to", "from", "with", "by", "is", "are", "and",
    "me", "my", "some", "any", "there", "now", "thanks", "like", "current", "currently", "please",
    ",", ":",
}  # fmt: skip
"""Words that change nothing in the meaning of a question with these tools."""

_GENERIC = frozenset({"get", "fetch", "current", "find", "query", "run", "call", "do", "make"})
_LINKS = frozenset({"of", "is", ":", "=", "named", "called", "titled", "the", "a", "an"})
_CODES = {",": ",", "and": "&", "in": "i", "quoted": "q", "name": "n", "number": "#", "path": "p"}
_NO_PLACE = frozenset({"from", "with", "by", "about"})
"""After these, a value without the name of its parameter may be anything."""


class ToolReading:
    """How a question fits a tool: the `calls` if it names the tool and every token has its place.

    Else `unknown` has the other tokens, and `missing` the parameters without one of the `values`;
    `matched` counts the words of the tool's name that are said, and is 0 if it is not named.
    """

    def __init__(self, text: str, tokens: Sequence[QuestionToken], tool: KnownTool) -> None:
        self._tokens, self._used = tokens, set[int]()
        self._paths = [one for one in tokens if re.fullmatch(PATH, one.text, re.IGNORECASE)]
        self._codes = "".join(_CODES.get(one.word) or _CODES.get(one.kind, "w") for one in tokens)
        self.tool: KnownTool = tool
        self._spread: tuple[str, list[QuestionToken], list[JsonValue]] = ("", [], [])
        self._said = {stem(one.text) for one in tokens if one.kind in ("word", "name")}
        self.values: dict[str, JsonValue] = {}
        self._read_arguments()
        filled = [one for one in tool.parameters if one.name in self.values]
        self.values = {one.name: self.values[one.name] for one in filled}
        named = {word for one in filled for word in one.words}
        implied = self._said | named | ({"file"} if "path" in named else set())
        self.missing: list[KnownParameter] = [
            p for p in tool.parameters if p.is_required and p.name not in self.values
        ]
        # "What is time?" does not ask for the current time.
        implied |= _GENERIC if self.values or self.missing else set()
        self.matched: int = len(tool.words & self._said) if tool.words <= implied else 0
        opening = _OPENING.match(text, tokens[0].start, tokens[-1].end)
        opened = opening.end() if opening else tokens[0].start
        self.unknown: list[QuestionToken] = [
            one
            for place, one in enumerate(tokens)
            if place not in self._used
            and not (one.kind in ("word", "name") and stem(one.text) in tool.words | named)
            and not (one.word in _FILLERS or (one.kind == "word" and one.end <= opened))
        ]
        self.calls: list[IntendedCall] = []
        if self.matched and not self.unknown and not self.missing:
            ending = " is {}." if "what" in text[tokens[0].start : opened].lower() else ""
            calls = [*self._build_calls(text[: tokens[-1].end], opened, ending)]
            # Which of several values belongs to which other argument is not said.
            if not self._spread[0] or len(self.values) == 1:
                self.calls = calls if all(tool.accepts(one.arguments) for one in calls) else []

    def _build_calls(self, text: str, start: int, ending: str) -> Iterator[IntendedCall]:
        """Yield the calls, each with the sentence for its answer: `text[start:]` and `ending`."""
        name, tokens, values = self._spread
        first, last = (tokens[0].start, tokens[-1].end) if tokens else (start, start)
        for value in values or [""]:
            sentence = f"{text[start:first]}{value}{text[last:]}{ending}" if ending else ""
            arguments = {**self.values, name: value} if values else self.values
            yield IntendedCall(self.tool, arguments, sentence, is_named=True)

    def _read_arguments(self) -> None:
        """Read what is named, what the schema lists, then values that fit only one parameter."""
        for parameter in sorted(self.tool.parameters, key=lambda one: -len(one.words)):
            for place in range(len(self._tokens)):
                self._read_named(parameter, place)
        for parameter in self.tool.parameters:
            for place in range(len(self._tokens) if parameter.choices else 0):
                self._take(parameter, [place], is_named=True)
        for _ in self.tool.parameters:
            for place, token in enumerate(self._tokens):
                before = self._tokens[place - 1].word if place else ""
                is_word = stem(token.text) in self.tool.words
                if place not in self._used and before not in _NO_PLACE and not is_word:
                    self._read_unnamed(token, self._group(place))

    def _read_named(self, parameter: KnownParameter, place: int) -> None:
        """Read a value next to its parameter's name: "path 'x'", "rate of 1.08", "5 seconds"."""
        after = place + len(parameter.words)
        spoken = tuple(stem(one.text) for one in self._tokens[place:after])
        if spoken == parameter.words:
            while after < len(self._tokens) and self._tokens[after].word in _LINKS:
                after += 1
            if self._take(parameter, self._group(after), is_named=True):
                self._used |= {*range(place, after)}
            elif place and self._tokens[place - 1].kind == "number":
                self._take(parameter, [place - 1], is_named=True)

    def _read_unnamed(self, token: QuestionToken, group: list[int]) -> None:
        """Give values without a name to the only parameter they fit, or to `a`, `b` and so on."""
        fitting = [
            one
            for one in self.tool.parameters
            # "A room for 'Anna'" is not the room 'Anna'.
            if one.name not in self.values
            and not (one.choices or {*one.words} <= self._said)
            and (one.is_required or len(self.tool.parameters) == 1 or token.kind == "path")
            and _convert(one, token, is_named=False)
        ]
        fitting = [p for p in fitting if p.kind == "path" and self._paths == [token]] or fitting
        if len(group) == len(fitting) > 1 and all(len(one.name) == 1 for one in fitting):
            for one, place in zip(fitting, group, strict=True):
                self._take(one, [place])
        elif len(fitting) == 1:
            self._take(fitting[0], group)

    def _take(self, parameter: KnownParameter, group: list[int], *, is_named: bool = False) -> bool:
        """Give the tokens of a group to a parameter, unless one is used or does not fit."""
        tokens = [self._tokens[place] for place in group]
        values = [v for one in tokens for v in _convert(parameter, one, is_named=is_named)]
        is_spread = len(tokens) > 1 and not parameter.is_list
        is_free = parameter.name not in self.values and not self._used & {*group}
        if not is_free or len(values) < max(1, len(tokens)) or (is_spread and self._spread[0]):
            return False
        if is_spread:
            self._spread = (parameter.name, tokens, values)
        self.values[parameter.name] = values if parameter.is_list else values[0]
        self._used |= {*group}
        return True

    def _group(self, place: int) -> list[int]:
        """Return the places of values of one kind in a list: "Oslo, Bergen and in Rome"."""
        codes = self._codes
        code = codes[place : place + 1]
        # "Paris, Texas" is one place: the last joint has to be "and".
        found = re.compile(f"{code}(?:,i?{code})*,?&i?{code}").match(codes, place) if code else None
        end = found.end() if found else place + len(code)
        return [at for at in range(place, end) if codes[at] == code]


def _convert(parameter: KnownParameter, token: QuestionToken, *, is_named: bool) -> list[JsonValue]:
    """Return the value that a token has for a parameter, in a list; empty if it does not fit."""
    spoken = token.written.lower().replace("_", " ")
    if parameter.choices:
        return [one for one in parameter.choices if str(one).lower().replace("_", " ") == spoken]
    match parameter.type:
        case "number" | "integer" if token.kind == "number":
            plain = token.text.replace(",", "")
            return [float(plain) if "." in plain else int(plain)]
        case "boolean" if is_named and spoken in ("true", "false", "yes", "no"):
            return [spoken in ("true", "yes")]
        case "string":
            kinds = {"text": ("quoted", "name"), "path": ("path", "quoted")}
            fitting = kinds.get(parameter.kind, (parameter.kind,))
            is_value = token.kind not in ("word", "mark")
            return [token.text] if token.kind in fitting or (is_named and is_value) else []
        case _:
            return []
