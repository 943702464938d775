"""html5lib's tokenizer vectors: the tracker, fed one character at a time, reads the same tokens, or refuses the text."""

import html
import json
import re
from collections import Counter
from html.entities import html5
from pathlib import Path

import pytest

from fastness.html import contexts as at
from fastness.html.contexts import Context
from fastness.html.errors import TemplateRefusedError
from fastness.html.tracker import advance

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "html5lib"
STARTS = {
    "Data state": lambda _name: Context(),
    "RCDATA state": lambda name: Context(state=at.RAW, element=name or "title"),
    "RAWTEXT state": lambda name: Context(state=at.RAW, element=name or "xmp"),
    "Script data state": lambda name: Context(state=at.RAW, element=name or "script", script="data"),
}
# A tracker has no use for these: it refuses plaintext, and CDATA exists only in foreign content, where it is refused.
UNUSED = {"PLAINTEXT state", "CDATA section state"}
FILES = sorted(VECTORS.glob("*.test"))


def cases(file):
    for case in json.loads(file.read_text(encoding="utf-8")).get("tests", []):
        for state in case.get("initialStates", ["Data state"]):
            if state not in UNUSED:
                yield case, state


def double_unescaped(case):
    def back(value):
        if isinstance(value, str):
            return json.loads('"' + value.replace('"', '\\"') + '"') if "\\u" in value else value
        if isinstance(value, list):
            return [back(item) for item in value]
        if isinstance(value, dict):
            return {back(name): back(item) for name, item in value.items()}
        return value

    return {**case, "input": back(case["input"]), "output": back(case["output"])} if case.get("doubleEscaped") else case


def attribute_text(value):
    """A named reference without its semicolon stands for itself before a letter, digit or = (13.2.5.73)."""
    plain = re.sub(r"&([A-Za-z][A-Za-z0-9]*)(?![A-Za-z0-9;=])", known_alone, value)
    return html.unescape(re.sub(r"&([A-Za-z][A-Za-z0-9]*);?(=?)", known_reference, plain))


def known_alone(found):
    return f"&{found[1]};" if found[1] in html5 else found[0]


def known_reference(found):
    whole = found[0].rstrip("=")
    return found[0] if whole.endswith(";") and whole[1:] in html5 else f"&amp;{found[0][1:]}"


def text_of(value):
    """As html.unescape, which drops references to control characters; the standard keeps them."""
    value = re.sub(r"&#(?:x0*([0-9a-f]{1,6})|0*([0-9]{1,7}));?", control, value, flags=re.IGNORECASE)
    return html.unescape(value)


def control(found):
    number = int(found[1], 16) if found[1] else int(found[2])
    is_control = number in range(1, 9) or number in range(0x0B, 0x20) or number == 0x7F or 0xFDD0 <= number <= 0xFDEF
    is_kept = (is_control and number not in {0x0C, 0x0D}) or (number & 0xFFFE == 0xFFFE and number <= 0x10FFFF)
    return chr(number) if is_kept else found[0]


class Reading:
    """The tokens that the tracker's contexts amount to."""

    def __init__(self, start, text):
        self.tokens: list[list[object]] = []
        self.text = text
        self.begin = 0
        self.values = {}
        self.value_begin = 0
        self.context = start
        for index in range(len(text)):
            self.step(index)
        self.finish()

    def step(self, index):
        before = self.context
        after, _ = advance(before, self.text[index])
        self.context = after
        if before.state != at.TAG_NAME and after.state == at.TAG_NAME:
            self.characters(index - (2 if after.is_end_tag else 1))
            self.values = {}
        if after.state == at.VALUE and before.state != at.VALUE:
            self.value_begin = index + (1 if after.quote else 0)
        if before.state == at.VALUE and after.state != at.VALUE:
            self.values[before.attribute] = self.text[self.value_begin : index]
        if after.state == at.COMMENT and before.state != at.COMMENT and not after.pending:
            self.characters(self.text.index("<!--", self.begin))
        if before.state == at.COMMENT and after.state == at.TEXT:
            raw = self.text[self.begin + 4 : index + 1]
            self.tokens.append(["Comment", raw[: -4 if raw.endswith("--!>") else -3]])
            self.begin = index + 1
        if after.state == at.DECLARATION and before.state != at.DECLARATION:
            self.characters(self.text.lower().index("<!doctype", self.begin))
        if before.state == at.DECLARATION and after.state == at.TEXT:
            self.tokens.append(["DOCTYPE"])
            self.begin = index + 1
        if before.state == at.RAW and after.state != at.RAW:
            # The end tag was pending until its name was known to be whole.
            self.characters(self.text.lower().rindex("</" + before.element.lower(), 0, index + 1))
            if after.state == at.TEXT:
                self.tokens.append(["EndTag", before.element])
                self.begin = index + 1
        inside = at.TAG_STATES | {at.BEFORE_VALUE, at.VALUE}
        if before.state in inside and after.state in {at.TEXT, at.RAW} and self.text[index] == ">":
            self.tag(before, index)

    def tag(self, before, index):
        if before.is_end_tag:
            self.tokens.append(["EndTag", before.element])
        else:
            names = [name for name, _ in before.attributes]
            if before.attribute and before.attribute not in names:
                names.append(before.attribute)
            attributes = {name: attribute_text(self.values.get(name, "")) for name in names}
            token = ["StartTag", before.element, attributes]
            self.tokens.append([*token, True] if self.text[index - 1] == "/" and before.pending == "/" else token)
        self.begin = index + 1

    def characters(self, end):
        if end > self.begin:
            self.tokens.append(["Character", text_of(self.text[self.begin : end])])
            self.begin = end
        self.begin = max(self.begin, end)

    def finish(self):
        if self.context.state in {at.TEXT, at.RAW}:
            pending = self.context.pending if self.context.pending.startswith("<!") else ""
            self.characters(len(self.text) - len(pending))


def expected_tokens(case, context):
    """The reference's tokens, without what an unfinished construct at the end adds."""
    tokens: list[list[object]] = []
    for token in case["output"]:
        if token[0] == "Character" and tokens and tokens[-1][0] == "Character":
            tokens[-1] = ["Character", tokens[-1][1] + token[1]]
        elif token[0] == "DOCTYPE":
            tokens.append(["DOCTYPE"])
        else:
            tokens.append(list(token))
    is_open = context.state in {at.COMMENT, at.DECLARATION} or context.pending.startswith("<!")
    if is_open and tokens and tokens[-1][0] in {"Comment", "DOCTYPE"}:
        tokens.pop()
    return tokens


def outcome(case, state):
    case = double_unescaped(case)
    start = STARTS[state](case.get("lastStartTag", ""))
    text = case["input"].replace("\r\n", "\n").replace("\r", "\n")
    try:
        reading = Reading(start, text)
    except TemplateRefusedError:
        return "refused", None, None
    expected = expected_tokens(case, reading.context)
    return ("agrees" if reading.tokens == expected else "differs"), reading.tokens, expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_tracker_reads_what_the_reference_reads_or_refuses(file):
    different = []
    for case, state in cases(file):
        verdict, ours, theirs = outcome(case, state)
        if verdict == "differs":
            different.append((case["description"], state, case["input"], ours, theirs))
    assert different == []


def test_the_vectors_are_all_there():
    figures = {file.stem: Counter(outcome(case, state)[0] for case, state in cases(file)) for file in FILES}
    total = sum(figures.values(), Counter())
    assert sum(total.values()) > 6000
    assert total["agrees"] > total["refused"]
    assert total["differs"] == 0
