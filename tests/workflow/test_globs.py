"""GitHub's documented filter patterns, and a plain recursive matcher to compare with."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.globs import Glob, any_match, last_match

DOCUMENTED = [
    ("feature/*", ["feature/my-branch", "feature/your-branch"], ["feature/a/b", "feature"]),
    ("feature/**", ["feature/beta-a/my-branch", "feature/mona/the/octocat"], ["features/x"]),
    ("main", ["main"], ["Main", "main2", "amain"]),
    ("releases/mona-the-octocat", ["releases/mona-the-octocat"], []),
    ("*", ["main", "releases"], ["all/the/branches"]),
    ("**", ["all/the/branches", "every/tag", "x"], []),
    ("*feature", ["mona-feature", "feature", "ver-10-feature"], ["a/feature"]),
    ("v2*", ["v2", "v2.0", "v2.9"], ["v1", "v2/1"]),
    ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.0", "v1..1"]),
    ("*.jsx?", ["page.js", "page.jsx"], ["page.jsxx", "page.j"]),
    ("**.js", ["index.js", "js/index.js", "src/js/app.js"], ["index.jsx"]),
    ("docs/*", ["docs/README.md", "docs/file.txt"], ["docs/a/b.md"]),
    ("docs/**", ["docs/README.md", "docs/mona/octocat.txt"], ["doc/README.md"]),
    (
        "docs/**/*.md",
        ["docs/README.md", "docs/mona/hello-world.md", "docs/a/markdown/file.md"],
        ["docs/a.txt", "docsx/a.md"],
    ),
    (
        "**/docs/**",
        ["docs/hello.md", "dir/docs/my-file.txt", "space/docs/plan/space.doc"],
        ["xdocs/hello.md", "docs"],
    ),
    ("**/README.md", ["README.md", "js/README.md"], ["xREADME.md"]),
    ("**/*src/**", ["a/src/app.js", "my-src/code/js/app.js"], ["a/srcs/app.js"]),
    ("**/*-post.md", ["my-post.md", "path/their-post.md"], ["post.md"]),
    (
        "**/migrate-*.sql",
        ["migrate-10909.sql", "db/migrate-v1.0.sql", "db/sept/migrate-v1.sql"],
        [],
    ),
    ("[CB]at", ["Cat", "Bat"], ["cat", "at", "CBat"]),
    ("[1-2]00", ["100", "200"], ["300"]),
    (r"\*.md", ["*.md"], ["a.md"]),
    (r"a\+b", ["a+b"], ["aab"]),
    ("ba+?", ["b", "ba", "baa"], ["a"]),
    ("ba?+", ["b", "ba", "baa"], ["a"]),
    ("a**/b", ["a/b", "ax/b", "ax/y/b"], ["ab"]),
    ("*.*", ["a.b", "."], ["ab"]),
    ("", [""], ["a"]),
]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        *((pattern, text, True) for pattern, yes, _ in DOCUMENTED for text in yes),
        *((pattern, text, False) for pattern, _, no in DOCUMENTED for text in no),
    ],
)
def test_documented_patterns(pattern: str, text: str, expected: bool) -> None:
    assert Glob(pattern).matches(text) is expected


@pytest.mark.parametrize(
    ("patterns", "text", "expected"),
    [
        (["*.md", "!README.md"], "hello.md", True),
        (["*.md", "!README.md"], "README.md", False),
        (["*.md", "!README.md", "README*"], "README.doc", True),
        (["*.md", "!README.md", "README*"], "README.md", True),
        (["!README*", "README.md"], "README.md", True),
        (["!secret"], "other", False),
        ([], "anything", False),
    ],
)
def test_the_last_pattern_that_matches_decides(
    patterns: list[str], text: str, expected: bool
) -> None:
    assert last_match(patterns, text) is expected


def test_any_match_needs_one() -> None:
    assert any_match(["a*", "b*"], "beta")
    assert not any_match(["a*", "b*"], "gamma")


@pytest.mark.parametrize("pattern", ["[a", "[]", "[z-a]", "a[", "[0-\U0010ffff]"])
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="pattern"):
        Glob(pattern)


def test_stars_do_not_multiply() -> None:
    assert not Glob("*a" * 200 + "b").matches("a" * 2000)


def reference(pattern: str, text: str) -> bool:
    """Patterns of letters, `*`, `**` and `?` after a letter; no directories."""
    if not pattern:
        return not text
    if pattern.startswith("**"):
        return any(reference(pattern[2:], text[at:]) for at in range(len(text) + 1))
    if pattern.startswith("*"):
        ends = text.find("/") if "/" in text else len(text)
        return any(reference(pattern[1:], text[at:]) for at in range(ends + 1))
    here = bool(text) and text[0] == pattern[0]
    if pattern[1:2] == "?":
        return reference(pattern[2:], text) or (here and reference(pattern[2:], text[1:]))
    if pattern[1:2] == "+":
        return here and (reference(pattern[2:], text[1:]) or reference(pattern, text[1:]))
    return here and reference(pattern[1:], text[1:])


elements = st.sampled_from(["a", "b", "*", "**b", "a?", "b+", "c/", "/c", "*c"])


@settings(deadline=None)
@given(st.lists(elements, max_size=6).map("".join), st.text("abc/", max_size=8))
def test_it_agrees_with_the_reference(pattern: str, text: str) -> None:
    if "**/" in pattern or "***" in pattern or "/?" in pattern:
        return
    assert Glob(pattern).matches(text) is reference(pattern, text)
