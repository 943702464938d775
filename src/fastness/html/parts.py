"""The insides of values: how far a URL, a script or a style has come after a piece of static text.

Each function takes the part so far and the text, and returns the part after it. They guess nothing. Text that would need
guessing (a regular expression or a division in a script, a template literal, a scheme split over branches) leads to a part in
which no expression is allowed.

Not covered: what the author's own script does with a value once it has it. ASVS 5.0: V1.2.1, V1.2.2, V1.2.3.
"""

import re
from typing import Final

from fastness.html import contexts as at
from fastness.html.errors import MarkupRefusedError, ScriptPlaceError, StylePlaceError, URLPlaceError

# --- URLs (https://url.spec.whatwg.org/#url-parsing) ---

_SCHEME_CHARACTER: Final = re.compile(r"[A-Za-z0-9+.\-]")
_STATIC_CODE_SCHEMES: Final = frozenset({"javascript", "vbscript", "livescript", "mocha"})


def after_url(part: str, value: str, text: str) -> tuple[str, str]:
    """The part and the letters that may be a scheme, after `text` (character references already decoded)."""
    for character in text:
        # The URL parser removes tab, CR and LF everywhere, so java\nscript: is javascript:.
        if character in "\t\r\n":
            continue
        part, value = _after_url_character(part, value, character)
    return part, value


def _after_url_character(part: str, value: str, character: str) -> tuple[str, str]:  # noqa: C901 one row for each part
    mark = value if value in {at.FOREIGN_URL, at.WHOLE_URL} else ""
    if part in {at.URL_AMBIGUOUS, at.URL_FRAGMENT, at.URL_OPAQUE}:
        return part, mark
    if character == "#":
        return at.URL_FRAGMENT, mark
    if character == "?" or part == at.URL_QUERY:
        return at.URL_QUERY, mark
    if part == at.URL_START:
        if character <= " ":
            return part, ""
        if character in "/\\":
            return at.URL_ROOT, ""
        return (at.URL_SCHEME, character) if character.isascii() and character.isalpha() else (at.URL_PATH, "")
    if part == at.URL_SCHEME:
        if character == ":":
            return _after_scheme(value.lower())
        return (part, value + character) if _SCHEME_CHARACTER.match(character) else (at.URL_PATH, "")
    if part == at.URL_ROOT:
        if character not in "/\\":
            return at.URL_PATH, mark
        return (part, mark) if mark else (at.URL_AUTHORITY, "")
    if part == at.URL_AUTHORITY:
        # Slashes before the host are skipped: https:///host is https://host.
        if character in "/\\":
            return (at.URL_ROOT, mark) if mark else (part, "")
        return part, at.FOREIGN_URL
    if part == at.URL_DYNAMIC:
        if character == ":":
            raise URLPlaceError(
                'an expression before ":" chooses the scheme of the URL. Write the scheme in the template, or pass the '
                "whole URL as one value."
            )
        return (at.URL_ROOT if character in "/\\" else part), at.FOREIGN_URL
    return part, mark


def _after_scheme(scheme: str) -> tuple[str, str]:
    if scheme in _STATIC_CODE_SCHEMES:
        raise URLPlaceError(
            f"a {scheme}: URL is a program in an attribute, and the page's Content-Security-Policy stops it. Use a <button> and "
            "a script that listens for the click."
        )
    if scheme in {"http", "https", "ws", "wss", "ftp"}:
        return at.URL_AUTHORITY, ""
    if scheme in {"data", "blob", "filesystem", "about", "view-source"}:
        return at.URL_OPAQUE, at.FOREIGN_URL
    return at.URL_PATH, at.FOREIGN_URL


# --- Scripts ---

_JS_TOKEN: Final = re.compile(
    r"""(?P<string>["'])|(?P<comment>//|/\*)|(?P<slash>/)|(?P<template>`)|(?P<arrow>-->)|(?P<bang>\#!)"""
)
_JS_STRING_END: Final = {
    at.JS_DOUBLE: re.compile(r'\\.|["\n\r]', re.DOTALL),
    at.JS_SINGLE: re.compile(r"\\.|['\n\r]", re.DOTALL),
}
_JS_LINE_END: Final = re.compile("[\n\r\u2028\u2029]")
_BEFORE_VALUE: Final = re.compile(r"(?:[=(\[,:?]|(?:\A|[^\w$.])return[ \t]+)[ \t\n\r]*\Z")
_BEFORE_JSON_VALUE: Final = re.compile(r"(?:\A|[\[,:])[ \t\n\r]*\Z")
_ARROW: Final = re.compile(r"=>[ \t\n\r]*\Z")


def after_js(part: str, text: str, *, is_json: bool) -> str:
    """The part of a script after `text`, which holds no end of the element."""
    position = 0
    while position < len(text):
        if part == at.JS_UNSUPPORTED:
            return part
        if part in _JS_STRING_END:
            part, position = _after_js_string(part, text, position)
        elif part == at.JS_LINE_COMMENT:
            found = _JS_LINE_END.search(text, position)
            if found is None:
                return part
            part, position = at.JS_JOINED, found.end()
        elif part == at.JS_BLOCK_COMMENT:
            end = text.find("*/", position)
            if end == -1:
                if text.endswith("*"):
                    raise ScriptPlaceError(
                        "a comment of the script is cut after an asterisk. Keep its end in one piece."
                    )
                return part
            part, position = at.JS_JOINED, end + 2
        else:
            part, position = _after_js_code(part, text, position, is_json=is_json)
    return part


def _after_js_string(part: str, text: str, position: int) -> tuple[str, int]:
    ending = _JS_STRING_END[part]
    while True:
        found = ending.search(text, position)
        if found is None:
            if text.endswith("\\") and position < len(text):
                raise ScriptPlaceError("a string of the script is cut after a backslash. Keep an escape in one piece.")
            return part, len(text)
        position = found.end()
        if found.group()[0] != "\\":
            return (at.JS_UNSUPPORTED if found.group() in "\n\r" else at.JS_JOINED), position


def _after_js_code(part: str, text: str, position: int, *, is_json: bool) -> tuple[str, int]:
    found = _JS_TOKEN.search(text, position)
    if found is None:
        code = text[position:]
        if not code.strip() and part == at.JS_VALUE:
            return part, len(text)
        before = _BEFORE_JSON_VALUE if is_json else _BEFORE_VALUE
        # A text that begins here does not begin the script, so \A must not match after other code.
        probe = code if part == at.JS_VALUE or not code.strip() else "0" + code
        is_value = bool(code.strip()) and before.search(probe) is not None and _ARROW.search(probe) is None
        return (at.JS_VALUE if is_value else at.JS_JOINED), len(text)
    if found["string"]:
        return (at.JS_DOUBLE if found["string"] == '"' else at.JS_SINGLE), found.end()
    if found["comment"] and not is_json:
        return (at.JS_LINE_COMMENT if found["comment"] == "//" else at.JS_BLOCK_COMMENT), found.end()
    return at.JS_UNSUPPORTED, len(text)


# --- Styles ---

_CSS_TOKEN: Final = re.compile(r"""/\*|\\.|["'{};:@(\\]""", re.DOTALL)
_CSS_ENDS: Final = {
    at.CSS_DOUBLE: re.compile(r'\\.|["\n\r\f]', re.DOTALL),
    at.CSS_SINGLE: re.compile(r"\\.|['\n\r\f]", re.DOTALL),
    at.CSS_COMMENT: re.compile(r"\*/"),
    at.CSS_URL: re.compile(r"\\.|\)", re.DOTALL),
}
_CSS_JOINS: Final = re.compile(r"[\w#@\-.%\\]\Z")
_CSS_NAME_ONLY: Final = re.compile(r"[\w\-]*")
_CSS_PLAIN_URL: Final = re.compile(r"(?:^|[\s:,(])url\Z", re.IGNORECASE)
_CSS_URL_OPENED: Final = re.compile(r"""[ \t\n\r\f]*(["']?)""")
_CSS_URL_CLOSES: Final = {end: re.compile(rf"{quote}[ \t\n\r\f]*\)") for quote, end in at.CSS_URL_ENDS.items()}
_CSS_URL_NAME: Final = re.compile(r"(?:url|src|url-prefix|domain|image-set|element|attr)\Z", re.IGNORECASE)


def after_css(part: str, return_part: str, text: str) -> tuple[str, str]:
    """The part of a style after `text`, and the part that a string or comment returns to."""
    position = 0
    if text and part in at.CSS_URL_AFTER:
        part = at.CSS_URL  # not the whole URL is an expression
    elif text and part in _CSS_URL_CLOSES:
        closed = _CSS_URL_CLOSES[part].match(text)
        if closed is None:
            raise StylePlaceError("url(…) with more than one expression in it. Pass the whole URL: url('{{ url }}').")
        part, return_part, position = return_part, "", closed.end()
    while position < len(text):
        ending = _CSS_ENDS.get(part)
        if ending is not None:
            found = ending.search(text, position)
            if found is None:
                if (text.endswith("\\") and position < len(text)) or (part == at.CSS_COMMENT and text.endswith("*")):
                    raise StylePlaceError("a CSS escape or comment is cut. Keep it in one piece.")
                return part, return_part
            position = found.end()
            if found.group()[0] == "\\":
                continue
            part, return_part = return_part, ""
            continue
        found = _CSS_TOKEN.search(text, position)
        if found is None:
            return _css_joined(part, text[position:]), ""
        before = text[position : found.start()]
        # "url" at the start of a piece, after letters in the last one, is the end of another name.
        is_url = _CSS_PLAIN_URL.search(before) and not (len(before) == 3 and part == at.CSS_VALUE_JOINED)
        if found.group() == "(" and position == 0 and part == at.CSS_VALUE_JOINED and _CSS_NAME_ONLY.fullmatch(before):
            before += "url"  # the name of the function began in an earlier piece: it may have been url
        position = found.end()
        part, return_part = _after_css_token(_css_joined(part, before), found.group(), before)
        if part == at.CSS_URL and is_url and (opened := _CSS_URL_OPENED.fullmatch(text, position)):
            return at.CSS_URL_STARTS[opened[1]], return_part
    return part, return_part


def _css_joined(part: str, text: str) -> str:
    if part not in {at.CSS_VALUE, at.CSS_VALUE_JOINED} or not text:
        return part
    return at.CSS_VALUE_JOINED if _CSS_JOINS.search(text) else at.CSS_VALUE


def _after_css_token(part: str, mark: str, before: str) -> tuple[str, str]:
    unjoined = at.CSS_VALUE if part == at.CSS_VALUE_JOINED else part
    if mark == "/*":
        return at.CSS_COMMENT, unjoined
    if mark in "\"'":
        return (at.CSS_DOUBLE if mark == '"' else at.CSS_SINGLE), unjoined
    if mark == "\\":
        raise StylePlaceError("a CSS escape is cut. Keep it in one piece.")
    if mark[0] == "\\":
        return (at.CSS_VALUE_JOINED if unjoined == at.CSS_VALUE else part), ""
    if mark == "(":
        return (at.CSS_URL, unjoined) if _CSS_URL_NAME.search(before) else (unjoined, "")
    if mark == "@":
        return at.CSS_AT, ""
    if mark == ":":
        return (at.CSS_VALUE if part == at.CSS_NAME else part), ""
    return at.CSS_NAME, ""  # { } ;


def refuse_control(text: str) -> None:
    """NUL is replaced, dropped or kept by the parser depending on the state; no template needs it."""
    if "\0" in text:
        raise MarkupRefusedError("a NUL character. Remove it.")
