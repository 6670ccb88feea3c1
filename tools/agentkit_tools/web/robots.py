"""Read `robots.txt` (RFC 9309).

In:  the text of the file, a product token, a path.
Out: whether the path may be fetched.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

MAX_BYTES = 512_000
"""RFC 9309, 2.5: a parser reads at least 500 kibibytes."""

MAX_RULES = 2_000
_MAX_PATTERN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One `allow` or `disallow` line of a group."""

    is_allowed: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules that apply to one product."""

    rules: Sequence[Rule] = ()

    def allows(self, target: str) -> bool:
        """Return whether a path with its query may be fetched: the longest matching rule decides.

        Of two that are equally long, `allow` wins. `/robots.txt` itself is always allowed.
        """
        path = unquote(target)
        if path == "/robots.txt":
            return True
        matching = [rule for rule in self.rules if _matches(rule.pattern, path)]
        best = max(matching, key=lambda rule: (len(rule.pattern), rule.is_allowed), default=None)
        return best is None or best.is_allowed


ALLOW_ALL = Robots()
DENY_ALL = Robots((Rule(is_allowed=False, pattern="/"),))


def parse_robots(text: str, *, product: str) -> Robots:
    """Return the rules of the groups for a product, or else of those for `*`."""
    groups: dict[str, list[Rule]] = {}
    names: list[str] = []
    in_rules = False
    for line in text.splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            names = [*([] if in_rules else names), value.lower()]
            in_rules = False
            groups.setdefault(names[-1], [])
        elif key in ("allow", "disallow"):
            in_rules = True
            if not value:
                continue
            rule = Rule(is_allowed=key == "allow", pattern=unquote(value[:_MAX_PATTERN]))
            for name in names:
                if len(groups[name]) < MAX_RULES:
                    groups[name].append(rule)
    wanted = product.lower()
    return Robots(tuple(groups.get(wanted, groups.get("*", ()))))


def _matches(pattern: str, path: str) -> bool:
    """Match the beginning of a path; `*` is any text, a final `$` the end.

    The parts between the stars are searched one after the other, each at its first place, so the
    work is bounded by the lengths, unlike that of a regular expression with several stars.
    """
    is_anchored = pattern.endswith("$")
    first, *others = re.split(r"\*+", pattern.removesuffix("$"))
    if not path.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(others, start=1):
        if is_anchored and number == len(others):
            return path.endswith(part) and len(path) - len(part) >= at
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return at == len(path) if is_anchored else True
