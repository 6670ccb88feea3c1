"""Rules of `robots.txt` (RFC 9309)."""

import pytest

from agentkit_tools.web.robots import parse_robots

ROBOTS = """\
# comment
User-agent: other
Disallow: /

User-agent: agentkit
user-agent: friend
Disallow: /a
Allow: /a/b  # longer
Disallow: /*.pdf$
Disallow: /x*y*z
Allow: /q
Disallow: /q
Disallow: /%C3%BC
Disallow:

User-agent: *
Disallow: /only-others
"""
RULED = {
    "/": True,
    "/a": False,
    "/a/c": False,
    "/a/b/c": True,
    "/only-others": True,
    "/doc.pdf": False,
    "/doc.pdf?x=1": True,
    "/x/1/y/2/z/3": False,
    "/x/1/z/2/y": True,
    "/q": True,
    "/%c3%bc": False,
    "/robots.txt": True,
}


@pytest.mark.parametrize(("path", "is_allowed"), RULED.items())
def test_the_longest_matching_rule_of_the_own_group_decides(path: str, is_allowed: bool) -> None:
    """RFC 9309."""
    assert parse_robots(ROBOTS, product="agentkit").allows(path) == is_allowed


def test_a_group_for_all_is_for_those_without_their_own() -> None:
    """A product without any group may fetch everything."""
    assert not parse_robots(ROBOTS, product="another").allows("/only-others")
    assert parse_robots("User-agent: other\nDisallow: /", product="agentkit").allows("/")
