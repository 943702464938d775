"""What HTML elements and attributes are, as far as the place of a value depends on it.

The names come from the HTML standard (indices of elements and attributes, 2026), SVG 2 and the lists of html/template and
safehtml; a name that is in no list is plain only if nothing in it suggests a URL or a program.
"""

import re
from typing import Final

from fastness.html.contexts import DYNAMIC, MAYBE, Context, attribute_of

# Elements whose content the tokenizer reads as text up to their end tag.
RCDATA: Final = frozenset({"title", "textarea"})
RAWTEXT: Final = frozenset({"style", "xmp", "iframe", "noembed", "noframes", "noscript"})
RAW_ELEMENTS: Final = RCDATA | RAWTEXT | {"script"}
REFUSED_ELEMENTS: Final = frozenset({"plaintext", "frameset", "frame", "applet", "listing", "image", "isindex"})

FOREIGN_ROOTS: Final = frozenset({"svg", "math"})
# Inside these, svg and math go back to HTML (13.2.6.5, HTML and MathML text integration points).
INTEGRATION_POINTS: Final = frozenset({"foreignobject", "desc", "title", "mi", "mo", "mn", "ms", "mtext"})
# Start tags that end svg and math on the spot.
BREAKOUT: Final = frozenset(
    "b big blockquote body br center code dd div dl dt em embed font h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var annotation-xml".split()
)

JS_TYPES: Final = frozenset(
    "module text/javascript application/javascript text/ecmascript application/ecmascript application/x-javascript "
    "application/x-ecmascript text/x-javascript text/x-ecmascript text/jscript text/livescript text/javascript1.0 "
    "text/javascript1.1 text/javascript1.2 text/javascript1.3 text/javascript1.4 text/javascript1.5".split()
)

# Kinds of attribute values.
PLAIN: Final = "plain"
URL: Final = "url"
MEDIA: Final = "media url"
CODE_URL: Final = "code url"
SRCSET: Final = "srcset"
STYLE: Final = "style"
CSS: Final = "css value"
SRCDOC: Final = "srcdoc"
EVENT: Final = "event"
FRAMEWORK: Final = "framework"
REFUSED: Final = "refused"
NONCE: Final = "nonce"

URL_KINDS: Final = frozenset({URL, MEDIA, CODE_URL})

_BY_ELEMENT: Final[dict[tuple[str, str], str]] = {
    **dict.fromkeys(
        (
            ("script", "src"), ("script", "href"), ("script", "xlink:href"), ("iframe", "src"), ("embed", "src"),
            ("object", "data"), ("link", "href"), ("base", "href"), ("use", "href"), ("use", "xlink:href"),
            ("portal", "src"), ("fencedframe", "src"), ("html", "manifest"), ("object", "codebase"),
        ),
        CODE_URL,
    ),
    **dict.fromkeys(
        (
            ("img", "src"), ("audio", "src"), ("video", "src"), ("source", "src"), ("track", "src"), ("video", "poster"),
            ("input", "src"), ("body", "background"), ("table", "background"), ("td", "background"), ("th", "background"),
            ("image", "href"), ("image", "xlink:href"), ("feimage", "href"), ("feimage", "xlink:href"),
        ),
        MEDIA,
    ),
    **dict.fromkeys(
        (
            ("a", "href"), ("area", "href"), ("form", "action"), ("a", "ping"), ("area", "ping"), ("a", "xlink:href"),
            ("img", "longdesc"), ("blockquote", "cite"), ("q", "cite"), ("del", "cite"), ("ins", "cite"),
            ("button", "formaction"), ("input", "formaction"),
        ),
        URL,
    ),
    **dict.fromkeys(
        (
            ("script", "type"), ("style", "type"), ("link", "type"), ("embed", "type"), ("object", "type"),
            ("script", "language"), ("link", "rel"), ("link", "as"), ("object", "classid"), ("object", "code"),
            ("object", "archive"), ("meta", "http-equiv"), ("param", "value"), ("param", "name"), ("iframe", "allow"),
            ("meta", "charset"),
        ),
        REFUSED,
    ),
}  # fmt: skip
_ANIMATIONS: Final = frozenset({"animate", "animatetransform", "animatemotion", "animatecolor", "set", "discard"})
_ANIMATED: Final = frozenset({"attributename", "to", "from", "by", "values", "href", "xlink:href", "begin", "end"})

_ANYWHERE: Final[dict[str, str]] = {
    "style": STYLE,
    "srcdoc": SRCDOC,
    "srcset": SRCSET,
    "imagesrcset": SRCSET,
    "nonce": NONCE,
    **dict.fromkeys(("http-equiv", "sandbox", "integrity", "is", "attributename", "csp"), REFUSED),
    **dict.fromkeys(
        "fill stroke filter clip-path mask marker-start marker-mid marker-end cursor color-profile".split(), CSS
    ),
    **dict.fromkeys(
        ("cite", "ping", "longdesc", "formaction", "action", "hx-get", "hx-post", "hx-put", "hx-patch"), URL
    ),
    **dict.fromkeys(
        ("hx-delete", "data-hx-get", "data-hx-post", "data-hx-put", "data-hx-patch", "data-hx-delete"), URL
    ),
    **dict.fromkeys(("href", "xlink:href", "manifest", "xml:base", "codebase"), CODE_URL),
    **dict.fromkeys(("background", "poster", "lowsrc", "dynsrc"), MEDIA),
}
_PLAIN: Final = frozenset(
    "abbr accept accept-charset accesskey align allowfullscreen alt as async autocapitalize autocomplete autocorrect "
    "autofocus autoplay axis behavior bgcolor blocking border cellpadding cellspacing char charoff charset checked class "
    "clear color cols colspan command commandfor compact content contenteditable controls controlslist coords crossorigin "
    "cx cy d data datetime decoding default defer dir direction dirname disabled disablepictureinpicture "
    "disableremoteplayback download draggable dx dy enctype enterkeyhint exportparts face fetchpriority fill-opacity "
    "fill-rule focusable font-family font-size font-weight for form formenctype formmethod formnovalidate formtarget "
    "frame frameborder fx fy gradienttransform gradientunits headers height hidden high hreflang hspace id imagesizes "
    "inert inputmode itemid itemprop itemref itemscope itemtype kind label lang language leftmargin list loading loop low "
    "marginheight marginwidth max maxlength media method min minlength multiple muted name nohref nomodule noresize "
    "noshade novalidate nowrap offset opacity open optimum part pathlength pattern placeholder playsinline points popover "
    "popovertarget popovertargetaction preserveaspectratio prefix property r readonly referrerpolicy rel required rev "
    "reversed role rows rowspan rules rx ry scheme scope scrolling selected shadowrootmode shape size sizes slot span "
    "spellcheck start step stop-color stop-opacity stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin "
    "stroke-miterlimit stroke-opacity stroke-width summary tabindex target text-anchor title transform translate type "
    "typeof usemap valign value values version vertical-align viewbox vspace width wrap writingsuggestions x x1 x2 xmlns "
    "xmlns:xlink xml:lang xml:space y y1 y2 hx-target hx-swap hx-trigger hx-select hx-boost hx-push-url hx-indicator "
    "hx-confirm hx-swap-oob hx-include hx-sync hx-ext".split()
)

# Values of `rel` with which a link fetches nothing that is run or that styles the page.
HARMLESS_RELS: Final = frozenset(
    "icon shortcut apple-touch-icon apple-touch-icon-precomposed mask-icon canonical next prev alternate author help "
    "license search me bookmark privacy-policy terms-of-service".split()
)
NONCE_RELS: Final = frozenset({"stylesheet", "modulepreload"})

LOADED: Final = {"script": "src", "link": "href"}
"""The attribute that says where code is loaded from."""

# Static values of these are kept, because the place of another value depends on them.
DECISIVE: Final[dict[str, frozenset[str]]] = {
    "script": frozenset({"type", "language"}),
    "link": frozenset({"rel", "as"}),
    "meta": frozenset({"http-equiv", "content", "name"}),
    "form": frozenset({"method", "action"}),
}

_FRAMEWORK_START: Final = re.compile(
    r"[^a-z]|(?:data-)?(?:v-|x-|ng-|hx-on|hx-vals|hx-vars|hx-headers|hx-request|hx-disinherit)|data-(?:bind|action)\Z"
)
_URL_PART: Final = re.compile(r"url|uri|src|href")
_CODE_PART: Final = re.compile(r"script|code|eval|expr|html|template|style|handler|init")


def classify(element: str, name: str, context: Context) -> str:
    """What kind of value the attribute `name` of `element` has, given the tag so far."""
    if name.startswith("on"):
        return EVENT
    if element in _ANIMATIONS and name in _ANIMATED:
        return REFUSED
    kind = _BY_ELEMENT.get((element, name))
    if kind is not None:
        return _of_link(context) if (element, name) == ("link", "href") else kind
    if element == "meta" and name == "content":
        return PLAIN if attribute_of(context, "http-equiv") is None else REFUSED
    kind = _ANYWHERE.get(name)
    if kind is not None:
        return kind
    if name in _PLAIN:
        return PLAIN
    if name.startswith("aria-"):
        return PLAIN
    if _FRAMEWORK_START.match(name) or (":" in name):
        return FRAMEWORK
    if name.startswith("data-"):
        return PLAIN
    if _URL_PART.search(name):
        return URL
    return FRAMEWORK if _CODE_PART.search(name) else PLAIN


def _of_link(context: Context) -> str:
    rel = attribute_of(context, "rel")
    if rel is None or rel in {DYNAMIC, MAYBE}:
        return CODE_URL
    tokens = rel.lower().split()
    return MEDIA if tokens and all(token in HARMLESS_RELS for token in tokens) else CODE_URL


def script_kind(context: Context) -> str:
    """How the content of this script element is read: "js", "json" or "data"."""
    kind = attribute_of(context, "type")
    if kind in {DYNAMIC, MAYBE} or (kind is None and attribute_of(context, "language") is not None):
        return "data"
    # Empty or blank is JavaScript as well (13.2: "the type attribute is the empty string", CVE-2026-39826 in Go).
    kind = (kind or "").strip("\t\n\f\r ").lower()
    if not kind or kind in JS_TYPES:
        return "js"
    return "json" if kind == "application/json" or kind.endswith("+json") else "data"
