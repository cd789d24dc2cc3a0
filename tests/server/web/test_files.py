"""The templates and files themselves: nothing inline, nothing unescaped, colours one can read."""

import re
from itertools import product
from pathlib import Path

import pytest

import mayfly.server.web

HERE = Path(mayfly.server.web.__file__).parent
TEMPLATES = sorted((HERE / "templates").glob("*.html"))
SCRIPTS = sorted((HERE / "static").glob("*.js"))
STYLE = (HERE / "static/style.css").read_text()


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_have_nothing_that_the_policy_forbids(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert "javascript:" not in text
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert "<style" not in text


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_everything_is_escaped(file: Path) -> None:
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", file.read_text())


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_every_form_that_changes_something_carries_the_token(file: Path) -> None:
    forms = re.findall(r'<form method="post".*?</form>', file.read_text(), re.DOTALL)
    for form in forms:
        is_outside = "sign-in" in form or 'action="{{ action }}"' in form
        assert is_outside or "csrf" in form, form


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_scripts_make_text_and_never_markup(file: Path) -> None:
    text = file.read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text
    )
    addresses = set(re.findall(r"https?://[a-z][^\s\"'`]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}, "it loads from elsewhere"


def test_our_own_script_stays_small() -> None:
    lines = sum(
        len((HERE / "static" / name).read_text().splitlines()) for name in ("page.js", "morph.js")
    )
    assert lines < 200


def palette(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{3,6});", text))


LIGHT = palette(STYLE.split("@media", 1)[0])
DARK = LIGHT | palette(STYLE.split("@media", 1)[1].split("* {", 1)[0])


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(colours: dict[str, str]) -> None:
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for what bounds a field."""
    texts = ("text", "faint", "accent", "ok", "fail", "lost", "late", "stop", "wait")
    for text, ground in product(texts, ("page", "card", "log", "sunk")):
        assert contrast(colours[text], colours[ground]) >= 4.5, f"{text} on {ground}"
    for number in range(8):
        assert contrast(colours[f"a{number}"], colours["log"]) >= 4.5, f"a{number}"
    assert contrast(colours["accent-text"], colours["accent"]) >= 4.5
    assert contrast(colours["text"], colours["mark"]) >= 4.5
    assert contrast(colours["fail"], colours["fail-soft"]) >= 4.5
    assert contrast(colours["edge"], colours["card"]) >= 3


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(sign * 2 for sign in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
