"""Makes text that a guest chose fit to be shown: it may colour itself and do nothing else.

A hostile job must not move the cursor, set the title, answer for the user or turn text around.
Every line that came out of a machine passes through here before it is printed.
"""

import re

# A string sequence (title, hyperlink, clipboard…), a control sequence, or a short escape.
_ESCAPE = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"
    r"|(?:\x1b\[|\x9b)(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])?"
    r"|\x1b[ -/]*[0-~]?"
)
_COLOUR_PARAMETERS = re.compile(r"[0-9;:]{0,64}")
_RESET = "\x1b[0m"
_REPLACEMENTS = {
    **{code: chr(0x2400 + code) for code in range(0x20)},  # the control pictures
    0x09: "\t",
    0x1B: "\x1b",  # only whole colour sequences are left when this table is used
    0x7F: "␡",
    **dict.fromkeys(range(0x80, 0xA0), "�"),
    **dict.fromkeys((0x061C, 0x200E, 0x200F), "�"),  # marks, embeddings and isolates
    **dict.fromkeys(range(0x202A, 0x202F), "�"),  # that reorder what follows
    **dict.fromkeys(range(0x2066, 0x206A), "�"),
    **dict.fromkeys((0x2028, 0x2029), "�"),
    **dict.fromkeys(range(0xD800, 0xE000), "�"),  # lone surrogates cannot be printed
}
_PLAIN = re.compile(r"[ -~]*")


def shown(line: str, *, colour: bool = False) -> str:
    """One line as it may be printed; with `colour` its colours stay, and end with it.

    What a carriage return would have overwritten is left out, as on a terminal.
    """
    if _PLAIN.fullmatch(line):
        return line
    line = line.rstrip("\r")
    line = line[line.rfind("\r") + 1 :]
    line = _ESCAPE.sub(_colour if colour else "", line).translate(_REPLACEMENTS)
    return line + _RESET if colour and "\x1b" in line else line


def block(text: str) -> str:
    """The same for text of several lines, without colours."""
    return "\n".join(shown(line) for line in text.split("\n"))


def _colour(found: re.Match[str]) -> str:
    if found["final"] == "m" and _COLOUR_PARAMETERS.fullmatch(found["parameters"]):
        return f"\x1b[{found['parameters']}m"
    return ""
