"""The tree-and-frame oracle: two HTML parsers judge what a template makes of a hostile value.

A page is rendered with a harmless marker and with a hostile value. Both parsers must see the same tree in both; a string
that held the marker may change between the same prefix and suffix only; every other string is the same. So a value cannot add
a node or an attribute, end an element, or swallow or move static text. The reader of the oracle is the parser, not the escaper.
"""

import re
from functools import cache

import html5lib
import jinja2
from selectolax.lexbor import LexborHTMLParser

from fastness.html.environment import TemplateEnvironment

MARKER = "31337"
FRAME = "<!doctype html><html><head><meta charset=utf-8></head><body>{}</body></html>"

# Each place takes {E}, the expression.
PLACES = {
    "text": "<p>{E}</p>",
    "text beside tags": "<p><b>x</b>{E}<i>y</i></p>",
    "text in a list": "<ul><li>{E}</li><li>z</li></ul>",
    "text in a table": "<table><tr><td>{E}</td><td>z</td></tr></table>",
    "comment": "<p>x<!-- {E} -->y</p>",
    "end of a comment": "<p>x<!-- {E}-->y</p>",
    "text before a comment": "<p>{E}<!-- c --></p>",
    "text in svg": '<svg viewBox="0 0 1 1"><text>{E}</text></svg>',
    "text in foreignobject": "<svg><foreignObject><p>{E}</p></foreignObject></svg>",
    "option": "<select><option>{E}</option></select>",
    "pre": "<pre>x{E}</pre>",
    "textarea": "<textarea>x{E}</textarea><b>z</b>",
    "title attribute": '<p title="{E}">z</p>',
    "single-quoted attribute": "<p title='{E}'>z</p>",
    "attribute with neighbours": '<p class="a {E} b" id=c>z</p>',
    "attribute by name": """<p {{{{ "title" }}}}="{E}" id=c>z</p>""",
    "address by name": """<a {{{{ "href" }}}}='{E}'>z</a>""",
    "data attribute": '<p data-x="{E}" data-y="y">z</p>',
    "aria attribute": '<p aria-label="{E}">z</p>',
    "input value": '<input type=text value="{E}" name=n>',
    "last attribute of a void tag": '<br title="{E}"/>',
    "href": '<a href="{E}">z</a>',
    "href, single quotes": "<a href='{E}' class=x>z</a>",
    "href path": '<a href="/p/{E}">z</a>',
    "href root": '<a href="/{E}">z</a>',
    "href query": '<a href="/p?a=1&amp;b={E}&amp;c=2">z</a>',
    "href fragment": '<a href="#{E}">z</a>',
    "href host": '<a href="https://example.com/{E}">z</a>',
    "href then static": '<a href="{E}?x=1">z</a>',
    "mailto": '<a href="mailto:{E}">z</a>',
    "img src": '<img src="{E}" alt="">',
    "srcset": '<img srcset="{E}" alt="">',
    "form action": '<form method=post action="{E}"><input name=a></form>',
    "formaction": '<button formaction="{E}">z</button>',
    "svg link": '<svg><a xlink:href="{E}"><text>z</text></a></svg>',
    "svg fill": '<svg><path fill="{E}" d="M0 0"/></svg>',
    "style attribute": '<p style="width: {E}; color: red">z</p>',
    "style url": """<p style="background: url('{E}') red; width: 1px">z</p>""",
    "style element url": "<style>p {{ background: url({E}) red; width: 1px }}</style><p>z</p>",
    "style element": "<style>p { width: {E}; color: red }</style><p>z</p>",
    "script value": "<script>var a = {E}; var b = 1;</script><p>z</p>",
    "script argument": "<script>f({E}, 2);</script><p>z</p>",
    "script string": '<script>var a = "x{E}y"; var b = 1;</script><p>z</p>',
    "script single-quoted string": "<script>var a = 'x{E}y';</script><p>z</p>",
    "JSON block": '<script type="application/json">{{"a": {E}, "b": [{E}]}}</script><p>z</p>',
    "JSON string": '<script type="application/ld+json">{{"a": "{E}"}}</script><p>z</p>',
    "script src path": '<script src="/static/{E}.js"></script><p>z</p>',
    "two places": '<p title="{E}">{E}</p><a href="/x?{E}">{E}</a>',
}
# Each construct takes {P}, the place with its expression in it, and gives the templates of a folder; "main" is rendered.
X = "{{ x }}"
CONSTRUCTS = {
    "plain": lambda place: {"main": FRAME.format(place(X))},
    "escaped by hand": lambda place: {"main": FRAME.format(place("{{ x|e }}"))},
    "joined": lambda place: {"main": FRAME.format(place("{{ x ~ '' }}"))},
    "inline if": lambda place: {"main": FRAME.format(place("{{ x if x else x }}"))},
    "markup": lambda place: {"main": FRAME.format(place("{{ x|escape|string }}"))},
    "if around": lambda place: {"main": FRAME.format("{% if 1 %}" + place(X) + "{% else %}<u></u>{% endif %}")},
    "if inside": lambda place: {"main": FRAME.format(place("{% if 1 %}{{ x }}{% else %}{{ x }}{% endif %}"))},
    "loop around": lambda place: {"main": FRAME.format("{% for i in [1, 2] %}" + place(X) + "{% endfor %}")},
    "loop with break": lambda place: {
        "main": FRAME.format(
            "{% for i in [1, 2] %}" + place(X) + "{% if loop.last %}{% break %}{% endif %}{% endfor %}"
        )
    },
    "set": lambda place: {"main": FRAME.format("{% set y = x %}" + place("{{ y }}"))},
    "set block": lambda place: {"main": FRAME.format("{% set y %}{{ x }}{% endset %}" + place("{{ y }}"))},
    "set block with a filter": lambda place: {
        "main": FRAME.format("{% set y | trim %} {{ x }}{% endset %}" + place("{{ y }}"))
    },
    "cut": lambda place: {
        "main": FRAME.format("{% set y %}{{ x }}{% endset %}" + place("{{ y[:40]|truncate(30, true) }}"))
    },
    "with": lambda place: {"main": FRAME.format("{% with y = x %}" + place("{{ y }}") + "{% endwith %}")},
    "macro around": lambda place: {
        "main": FRAME.format("{% macro m(y) %}" + place("{{ y }}") + "{% endmacro %}{{ m(x) }}")
    },
    "macro inside": lambda place: {"main": FRAME.format("{% macro m(y) %}{{ y }}{% endmacro %}" + place("{{ m(x) }}"))},
    "imported macro": lambda place: {
        "main": FRAME.format('{% from "lib" import m %}{{ m(x) }}'),
        "lib": "{% macro m(y) %}" + place("{{ y }}") + "{% endmacro %}",
    },
    "call block": lambda place: {
        "main": FRAME.format(
            "{% macro m() %}<div>{{ caller() }}</div>{% endmacro %}{% call m() %}" + place(X) + "{% endcall %}"
        )
    },
    "filter block": lambda place: {"main": FRAME.format("{% filter trim %}" + place(X) + "{% endfilter %}")},
    "include without context": lambda place: {
        "main": FRAME.format('<div>{% include "part" without context %}{{ x }}</div>'),
        "part": "{% set x = '31337' %}" + place(X),
    },
    "include around": lambda place: {"main": FRAME.format('<div>{% include "part" %}</div>'), "part": place(X)},
    "include inside": lambda place: {"main": FRAME.format(place('{% include "part" %}')), "part": X},
    "block around": lambda place: {
        "main": '{% extends "base" %}{% block b %}' + place(X) + "{% endblock %}",
        "base": FRAME.format("{% block b %}{% endblock %}"),
    },
    "block inside": lambda place: {
        "main": '{% extends "base" %}{% block b %}{{ x }}{% endblock %}',
        "base": FRAME.format(place("{% block b %}{% endblock %}", once=True)),
    },
    "parent chosen at run time": lambda place: {
        "main": "{% extends parent %}{% block b %}{{ x }}{% endblock %}",
        "base": FRAME.format(place("{% block b %}{% endblock %}", once=True)),
    },
    "super": lambda place: {
        "main": '{% extends "base" %}{% block b %}{{ super() }}{% endblock %}',
        "base": FRAME.format(place("{% block b %}{{ x }}{% endblock %}", once=True)),
    },
    "recursive loop": lambda place: {
        "main": FRAME.format("{% for i in [[]] recursive %}" + place(X) + "{{ loop(i) }}{% endfor %}")
    },
}
# Refused, and rightly: the construct cannot be followed at this place.
IN_PIECES = {"if inside", "include inside", "block inside", "parent chosen at run time", "super"}
MAY_BE_REFUSED: dict[str, set[str]] = {"attribute by name": IN_PIECES, "address by name": IN_PIECES}

TOKENS = (
    "</textarea ><b>",
    "</title><b>",
    "</script ><b>",
    "</style><b>",
    "</textarea >",
    "</title>",
    "</script >",
    "</style>",
    "</select>",
    "</svg>",
    "</p>",
    "-->",
    "--!>",
    "<!--",
    "<script>",
    "<![CDATA[",
    "]]>",
    "javascript:alert(1)",
    "JaVa\tscript:alert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    " onerror=alert(1) ",
    "&quot;&#34;&lt;",
    "&#x6a;avascript&colon;alert(1)",
    "\\\"\\'",
    "\n\r\u2028\u2029",
    "`${alert(1)}`",
    "*/alert(1)/*",
    "//alert(1)",
    "url(javascript:alert(1))",
    "expression(alert(1))",
    "</a><b>",
    "{{x}}",
    "\x01javascript:alert(1)",
    "//evil.example/x",
    "../../evil",
    "\\\\evil.example",
    ";}body{background:red",
    "1 1x, javascript:x",
    "<svg/onload=alert(1)>",
)
WHOLE = tuple(dict.fromkeys(TOKENS))
SUFFIXES = tuple(dict.fromkeys(token[start:] for token in TOKENS for start in range(len(token))))


def folder(place, construct):
    """The templates of one row."""

    def filled(expression, *, once=False):
        text = PLACES[place].replace("{{", "\x02").replace("}}", "\x03")
        if once:  # a block may be defined once only
            text = text.replace("{E}", expression, 1).replace("{E}", "1")
        return text.replace("{E}", expression).replace("\x02", "{").replace("\x03", "}")

    return CONSTRUCTS[construct](filled)


def contextual(templates, **options):
    return TemplateEnvironment(
        loader=jinja2.DictLoader(templates),
        extensions=("jinja2.ext.loopcontrols",),
        on_blocked=lambda _blocked: None,
        **options,
    )


def plain(templates):
    return jinja2.Environment(
        loader=jinja2.DictLoader(templates), extensions=("jinja2.ext.loopcontrols",), autoescape=True
    )


def render(environment, value):
    return fill(environment.get_template("main"), value)


def fill(template, value):
    return template.render(x=value, parent="base", nonce="n" * 24)


# --- one shape for the trees of both parsers: [tag, attributes, [text, child, text, …]] ---


def lexbor_tree(page):
    return _from_lexbor(LexborHTMLParser(page).root)


def _from_lexbor(node):
    slots = [""]
    for child in node.iter(include_text=True):
        if child.tag == "-text":
            slots[-1] += child.text_content or ""
        else:
            slots += [_from_lexbor(child), ""]
    return [node.tag, {name: value or "" for name, value in node.attributes.items()}, slots]


def html5lib_tree(page):
    return _from_etree(html5lib.parse(page, namespaceHTMLElements=False))


def _from_etree(node):
    name = node.tag if isinstance(node.tag, str) else "#comment"
    slots = [node.text or ""]
    for child in node:
        slots += [_from_etree(child), child.tail or ""]
    return [name, {str(key): value for key, value in node.attrib.items()}, slots]


class Judge:
    """One parser's word on pages. Most constructs make the same pages of a place: such a page is parsed once."""

    def __init__(self, tree):
        self._tree = tree
        self._marked = cache(tree)
        self._is_fine = set()

    def problem(self, marked, hostile):
        """What is wrong with a hostile page beside the marked one; None where nothing."""
        both = hash((marked, hostile))
        if both in self._is_fine:
            return None
        problem = frame_problem(self._marked(marked), self._tree(hostile))
        if problem is None:
            self._is_fine.add(both)
        return problem


def frame_problem(marked, hostile, path=""):
    """What a hostile value changed beyond the place of the marker; None where nothing."""
    tag, attributes, slots = marked
    other_tag, other_attributes, other_slots = hostile
    here = f"{path}/{tag}"
    if tag != other_tag or attributes.keys() != other_attributes.keys() or len(slots) != len(other_slots):
        return f"the tree changed at {here}: {other_tag} {sorted(other_attributes)} {len(other_slots)}"
    for name, value in attributes.items():
        problem = string_problem(value, other_attributes[name])
        if problem is None and MARKER in value:
            problem = url_problem(name, value, other_attributes[name])
        if problem:
            return f"{here}@{name}: {problem}"
    for index, slot in enumerate(slots):
        if isinstance(slot, str):
            problem = string_problem(slot, other_slots[index])
            if problem is None and MARKER in slot and tag == "script":
                problem = script_problem(slot, other_slots[index])
            if problem is None and MARKER in slot and tag == "style":
                problem = style_problem(slot, other_slots[index])
        else:
            problem = frame_problem(slot, other_slots[index], here)
        if problem:
            return f"{here}: {problem}"
    return None


def string_problem(marked, hostile):
    parts = marked.split(MARKER)
    if len(parts) == 1:
        return None if marked == hostile else f"static text moved: {hostile!r}"
    if not (
        hostile.startswith(parts[0]) and hostile.endswith(parts[-1]) and len(hostile) >= len(parts[0]) + len(parts[-1])
    ):
        return f"the frame moved: {hostile!r}"
    return None


URL_ATTRIBUTES = {
    "href",
    "src",
    "action",
    "formaction",
    "xlink:href",
    "{http://www.w3.org/1999/xlink}href",
    "srcset",
    "poster",
}
CODE_SCHEME = re.compile(
    r"[\x00-\x20]*(?:j[\t\r\n]*a[\t\r\n]*v[\t\r\n]*a|vb|data)[\t\r\n]*[a-z\t\r\n]*:", re.IGNORECASE
)


def url_problem(name, marked, value):
    if name in URL_ATTRIBUTES and any(CODE_SCHEME.match(url) for url in (value, *value.split(","))):
        return f"a URL that runs: {value!r}"
    if name in {"style", "fill"}:
        return style_problem(marked, value)
    return None


JS_STRING = re.compile(r'"(?:[^"\\\n\r\u2028\u2029]|\\.)*"|\'(?:[^\'\\\n\r\u2028\u2029]|\\.)*\'')


def script_problem(marked, hostile):
    """The script keeps its tokens: strings (numbers) apart, it is the same text."""

    def skeleton(script):
        return JS_STRING.sub("S", script)

    if re.search(r"</?script|<!--|-->", hostile, re.IGNORECASE):
        return f"a token of HTML in the script: {hostile!r}"
    return None if skeleton(marked) == skeleton(hostile) else f"the script changed: {hostile!r}"


def style_problem(marked, hostile):
    begin, _, end = marked.partition(MARKER)
    middle = hostile[len(begin) : len(hostile) - len(end)] if end else hostile[len(begin) :]
    if re.search(r"""url\(["']?\Z""", begin):
        # css-syntax, url token and string: what ends them, and what an escape could hide.
        if CODE_SCHEME.match(middle) or re.search(r"[\s\"'()\\<>{}\x00-\x1f]", middle.replace("\\26 ", "")):
            return f"the style changed: {middle!r}"
        return None
    if re.search(r"[<>\"'\\;{}:@*]|url|expression|/\*", middle, re.IGNORECASE):
        return f"the style changed: {middle!r}"
    return None
