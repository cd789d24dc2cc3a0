"""Masks: nothing of a secret is left, in whatever form and however it is cut into pieces."""

import base64
import json
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.runner.masks import Masker

FEW = st.text("ab\n", max_size=40)
SECRETS = st.lists(st.text("ab", min_size=1, max_size=4), max_size=3)


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        ([], "plain", "plain"),
        (["s"], "", ""),
        (["secret"], "a secret, secret", "a ***, ***"),
        (["abc", "bcd"], "xabcdx", "x***x"),
        (["ab"], "ababab!", "***!"),
        (["aa"], "aaa", "***"),
        (["one\ntwo"], "one\ntwo", "***\n***"),
        (["one\r\ntwo\n"], "two one", "*** ***"),
        (["", " ", "\n"], " \n", " \n"),
        ([".*"], "a.*b", "a***b"),
        (["ü\udcff"], "ü\udcff!", "***!"),
    ],
)
def test_values(secrets: list[str], text: str, masked: str) -> None:
    assert Masker(secrets).mask_text(text) == masked


SECRET = "p\"4'ss <w&rd>/öü+"


@pytest.mark.parametrize(
    "form",
    [
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        SECRET.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        SECRET.replace("'", "'\\''"),
    ],
)
def test_forms_in_which_tools_print_it(form: str) -> None:
    assert Masker([SECRET]).mask_text(f"<{form}>") == "<***>"


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
def test_base64_of_a_text_around_it_shows_only_edges(before: str) -> None:
    encoded = base64.b64encode((before + "correct horse battery" + ":x").encode()).decode()
    masked = Masker(["correct horse battery"]).mask_text(encoded)
    shown = masked.replace("***", "")
    assert "***" in masked
    # At each edge a character or two depend on the neighbours, too few to say anything.
    assert len(shown) <= len(base64.b64encode(before.encode())) + 8


def test_holds_secret() -> None:
    masker = Masker(["s3cret"])
    assert masker.holds_secret("a s3cret")
    assert not masker.holds_secret("none")


@settings(deadline=None)
@given(SECRETS, FEW)
def test_nothing_is_left_and_nothing_else_is_lost(secrets: list[str], text: str) -> None:
    masked = Masker(secrets).mask_text(text)
    assert not any(secret in masked for secret in secrets)
    hidden = [False] * len(text)
    for secret in secrets:
        for at in range(len(text)):
            if text.startswith(secret, at):
                hidden[at : at + len(secret)] = [True] * len(secret)
    kept = "".join(c for c, is_hidden in zip(text, hidden, strict=True) if not is_hidden)
    assert masked.replace("*", "") == kept


@settings(deadline=None)
@given(SECRETS, st.lists(st.text("ab", max_size=9), max_size=8))
def test_pieces_of_an_endless_line_are_masked_as_the_whole(
    secrets: list[str], pieces: list[str]
) -> None:
    masker = Masker(secrets)
    passed, held = b"", b""
    for piece in pieces:
        masked, held = masker.mask_open(held + piece.encode())
        assert len(held) < 2 * max([1, *map(len, secrets)])
        passed += masked
    passed += masker.mask(held)
    whole = masker.mask("".join(pieces).encode())
    # A mask that is cut shows twice; what is readable is the same.
    assert passed.replace(b"*", b"") == whole.replace(b"*", b"")
