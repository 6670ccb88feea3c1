"""The project speaks the field's own language: phrases that are not used, and what to write.

Read are code (identifiers, docstrings, comments, strings), documents, configuration and file names.
For the search, identifiers are split into words (`ToolCall`, `tool_call` → `tool call`), everything
is lower case, and a phrase may be spread over several lines.

An allowed use is a pattern that covers the phrase: *leak* is right for a task, *host* for a DNS
name, *whole* for a number. Some fields of stored forms keep their names in quotation marks.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("agentkit", "agents", "benchmarks", "docs", "examples", "scripts", "tests", "tools")
TEXT_SUFFIXES = frozenset({".py", ".md", ".toml", ".sh", ""})
NOT_READ = (
    "tests/test_language.py", "tests/faults/", "agentkit/model/data/", "tests/public_api_",
    "agentkit/service/page/static/vendor/",
)  # fmt: skip
"""This file quotes the phrases; the faults, the tokenizer's data, and what is vendored have other
authors."""


class Phrase(NamedTuple):
    """Something that is not written.

    Attributes:
        pattern: a regular expression over lower-case words; a space is any white space.
        instead: what to write.
        allowed: patterns of uses that are right.
        places: path prefixes where the word is a term of its own.
    """

    pattern: str
    instead: str
    allowed: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


DNS_HOST = (
    r"\bhost ?names?\b",
    r"\bhosts?(?= (header|and port|or port|part|machine))",
    r"\b(dns|loopback|local|remote|proxy|server|target|other|same) hosts?\b",
    r"\b(allow|allowed|forbidden|url|url's) hosts?\b",
    r"[-\"'`.]hosts?\b",
    r"\bhosts?(?=[\"'`=:])",
    r"\bhost(?=,\W+port| or ['\"]127)",
)
THINGS_THAT_ARE_WHOLE = (
    "number integer file suite program package project tree process machine folder text word line "
    "page input document list group table test run session string day minute second dollar window "
    "token"
)
THINGS_THAT_LEAK = "memory|task|resource|thread|socket|connection|secret|key|process|descriptor"

PHRASES = (
    # Who serves a model.
    Phrase(r"\bhosts?\b", "provider; host only for a DNS name or a machine", DNS_HOST,
           ("agentkit/transport/", "tests/unit/transport/", "tests/integration/test_transport",
            "agentkit/mcp/server/listening_port.py",
            "agentkit/mcp/server/request_limits.py", "agentkit/mcp/server/streamable_http.py",
            "tests/unit/mcp/server/test_request_limits.py", "tests/security/test_promises.py",
            "agentkit/service/origin_check.py", "agentkit/service/uvicorn_server.py",
            "tests/service/test_security.py",
            "tests/unit/mcp/client/test_private_addresses.py")),
    Phrase(r"\bhosted\b", "served", (r"\bself-hosted\b",)),
    # Speaking and listening.
    Phrase(r"\b(tells?|told|telling)\b", "report, emit, return, show, distinguish",
           (r"\btell(s|ing)? (\w+ ){1,4}apart\b", r"\btell (me|us)\b",
            r"\btell(s|ing)? (the|a) (model|user|caller|person|client|server|agent|reader)\b",
            r"\b(model|user|caller|person|client|server|agent|reader) (is|was|be) told\b")),
    Phrase(r"\b(retold|retells?)\b", "rewritten, cached"),
    Phrase(r"\b(say|says|said|saying) (whether|if)\b", "return whether, report whether"),
    Phrase(r"\bsay (which|what|how|who|where|when|why)\b", "return, describe, report"),
    Phrase(r"\b(says?|said) of\b", "says about; return the …"),
    Phrase(r"\b(hears?|heard|deaf|deafen|overhears?)\b", "receive, listen, recorded"),
    Phrase(r"\bnobody listens\b", "there is no listener"),
    Phrase(r"\b(no|some|any|every)body('s)?\b", "no one, someone, anyone, everyone"),
    Phrase(r"\b(asks?|asked|asking) about\b", "needs approval, approval request", (),
           ("agentkit/sandbox/planner/", "tests/unit/sandbox/planner/")),
    Phrase(r"\bin vain\b", "without success"),
    Phrase(r"\bin words\b(?!:)", "as text, in prose", (r"in words of",)),
    Phrase(r"\b(our|its|their|own|his|her) own words\b", "constant arguments; its own text"),
    Phrase(r"\bmouths?\b", "the subject's own term"),
    # Repair and encode.
    Phrase(r"\b(un)?mend(s|ed|ing|ings|er|ers)?\b", "repair", (r"\"mendings\"",)),
    Phrase(r"\b(un)?spel(l|ls|led|ling|lings|ler|lers|t)\b", "encode, format; render a prompt"),
    Phrase(r"\b(un)?dress(es|ed|ing)?\b", "wrap, unwrap"),
    Phrase(r"\bbare\b", "plain"),
    Phrase(r"\bla(y|ys|id|ying) (\w+ )?over\b", "merge"),
    Phrase(r"\bmisdeeds?\b", "fault"),
    Phrase(r"\bmisbehav(e|es|ed|ing|iour|iours|ior|iors)\b", "fault, faulty"),
    Phrase(r"\bput together\b", "build, assemble"),
    # Deciding and judging.
    Phrase(r"\b(un)?settl(e|es|ed|ing)\b", "decide, resolve, finalise"),
    Phrase(r"\b(un)?heed(s|ed|ing|ful|less)?\b", "respected, applied"),
    Phrase(r"\bby (its|their) mood\b|\bmoods?\b", "depending on load"),
    Phrase(r"\bat sight\b|\bat a glance\b|\bglances?\b", "fast path"),
    Phrase(r"\bweightiest\b", "most important"),
    # Extension points and pools.
    Phrase(r"\bdoors?\b", "interface, extension point, protocol, endpoint"),
    Phrase(r"\bgates?\b|\bgate ?(house|keeper)s?\b", "semaphore", (r"\bffn gate\b",)),
    Phrase(r"\b(heirs?|lend(s|er|ers|ing)?|lent)\b", "pool; acquire and release"),
    Phrase(r"\bears?\b", "redirect listener, receiver"),
    Phrase(r"\bcaps\b", "limits", (r"\bchat template caps\b",)),  # a field of llama.cpp
    Phrase(r"\brungs?\b", "kind", (r"\"rung\\?\"",)),
    Phrase(r"\brooms\b", "packages", (r"\b(meeting|free) rooms\b", r"\brooms(?= =|\[)")),
    Phrase(r"\bpatience\b|\bpatient\b", "limits, timeouts"),
    Phrase(r"\b(un)?watched\b", "wrapped, observed", (), ("tests/mcp/conformance_server.py",)),
    Phrase(r"\bhand(s|ed|ing)? over\b|\bhandovers?\b", "hand off; pass"),
    Phrase(r"\b(gives?|given|handed|hands) on\b", "pass on, forward"),
    Phrase(r"\bpass(es|ed|ing)? over\b", "skip, ignore"),
    Phrase(r"\bbr(eaks?|oke|oken|eaking) off\b", "interrupted, aborted, ended early"),
    # Structured output, text calls, complete answers.
    Phrase(r"\banswers? of (a|an|any|some|certain)( \w+)? types?\b", "structured output"),
    Phrase(r"\bof a certain\b", "of a given"),
    Phrase(r"\bleak(s|ed|y|ing|age|ages)?\b", "text tool call; a tool call in the text",
           (rf"\b({THINGS_THAT_LEAK})s? leak(s|ed)?\b",
            rf"\bleak(s|ed|ing)? (a |an |no |of |the )?({THINGS_THAT_LEAK})s?\b"),
           ("tests/integration/leaks.py", "tests/integration/test_leaks.py",
            "tests/integration/conftest.py")),
    Phrase(r"\bin full\b", "complete, non-streaming"),
    Phrase(r"\bwhole\b", "complete, non-streaming",
           (rf"\bwhole (?:{'|'.join(THINGS_THAT_ARE_WHOLE.split())})s?\b", r"\bas a whole\b",
            r"[\"'`]whole[\"'`]")),
    Phrase(r"\bin one piece\b", "in one chunk, at once"),
    Phrase(r"\b(openai|anthropic|messages|chat|completions?|wire) forms?\b", "format"),
    # Where things are.
    Phrase(r"\bbesides?\b", "next to, in addition to, additional",
           (r"\bside by side\b", r"\"besides\"")),
    Phrase(r"\b(stands|stood|standing)\b|\bstand\b(?!-| (for|ins?|alone)\b)",
           "is, appears, is placed",
           (r"\bstands for\b", r"\bstood for\b", r"\bstanding for\b", r"\bstands alone\b",
            r"\bstands in\b")),
    Phrase(r"\bof elsewhere\b", "other, from another …"),
    # Conditions and references.
    Phrase(r"\bwhere (there|nothing|none|no|no one|not|neither|needed be) ", "if there …"),
    Phrase(r"\bwhere (it|that|this|they|he|she|one) (is|are|has|have|had|does|do|can|could|cannot|"
           r"fits?|fails?|needs?|may|must|would|takes?|wants?|gives?|gave|knows?)\b", "if it …",
           (r"where (it|that|this|they) (is|are) (kept|stored|written|read|used|defined|declared|"
            r"said|found|called|installed|needed|made|placed|built|checked|caught|raised)\b",
            r"(place|position|point|line|folder|file)s? where (it|they|that|one) \w+")),
    Phrase(r"\b(that|what|which|it|this|these|they) (is|are|was|were) no\b"
           r"(?! (longer|more|matter|different|better|worse|use|reason|need|other|one)\b)",
           "is not a …"),
    Phrase(r"\b(who|what)ever (waits|runs|reads|calls|asks|started|is asked)\b|\bwhoever\b",
           "the caller, the waiter, the reader …"),
    Phrase(r"\b(for|by|to|of) who\b", "for those who; for the caller that"),
    Phrase(r"\bstrangers?\b", "untrusted, third-party"),
    Phrase(r"\b(become|becomes|became|came|comes) of\b", "happens to, the outcome of"),
    Phrase(r"\bsuch (a )?one\b", "one like that; name it"),
    Phrase(r"\bshall\b", "must, should"),
    Phrase(r"\bat the most\b", "at most"),
    Phrase(r"\b(whence|thence|hence|thereof|wherein|whereby|whereupon|thereby|lest|naught|nought|"
           r"hither|thither|albeit|ere)\b", "plain English"),
)  # fmt: skip


def words_of(text: str) -> str:
    """Return a text in lower-case words, with as many lines, for the search."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ").lower()
    text = re.sub(r"\n[ \t]*(?:#|>)+", "\n", text)
    return re.sub(r"\"[ \t]*\n[ \t]*[rfb]*\"", "\n", text)


@cache
def texts() -> dict[str, str]:
    """Return what is read: each path with its words, the path itself on a line before them."""
    paths = [ROOT / name for name in ("README.md", "CHANGELOG.md", "pyproject.toml", "Makefile")]
    paths += [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
    found = {}
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and "__pycache__" not in name and not name.startswith(NOT_READ):
            is_text = path.suffix in TEXT_SUFFIXES
            text = path.read_text(encoding="utf-8") if is_text else ""
            if name == "CHANGELOG.md":  # its tables name what there was
                text = re.sub(r"^(\| |- The `type` of).*", "", text, flags=re.MULTILINE)
            found[name] = words_of(f"{name}\n{text}")
    return found


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern in which a space is any white space; ASCII patterns search twice as fast."""
    return re.compile(re.sub(r"(?<!\[) (?![+*?])", r"\\s+", pattern), re.ASCII)


def uses_of(phrase: Phrase, text: str) -> Iterator[int]:
    """Yield the line of each use of a phrase that is not allowed."""
    uses = list(compiled(phrase.pattern).finditer(text))
    if not uses:  # as in most texts: the exceptions need no search
        return
    allowed = [
        found.span() for pattern in phrase.allowed for found in compiled(pattern).finditer(text)
    ]
    for found in uses:
        if not any(start <= found.start() and found.end() <= end for start, end in allowed):
            yield text.count("\n", 0, found.start())


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.instead.split(";")[0])
def test_a_phrase_is_not_used(phrase: Phrase) -> None:
    """Write what the table names instead."""
    uses = [
        f"{name}:{line}"
        for name, text in texts().items()
        if not name.startswith(phrase.places)
        for line in uses_of(phrase, text)
    ]

    assert uses == [], "\n".join([f"Write: {phrase.instead}", *uses])


def test_each_phrase_to_avoid_is_known_once() -> None:
    """The table has no duplicates."""
    assert len({phrase.pattern for phrase in PHRASES}) == len(PHRASES)
