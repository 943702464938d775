"""HTML that visitors write: reduced to a named list of elements and attributes, and then trusted as `SafeHTML`.

The cleaning is done by nh3 (ammonia, on html5ever): it parses as browsers do and writes the tree anew, so that nothing of the
input's own markup survives. Links get `rel="noopener noreferrer nofollow"`; addresses are http, https, mailto or relative.
No `id`, `name`, `class` or `style`: they would let a visitor take over the page's own anchors, scripts and looks.

The attacker writes all of the text. Not covered: what the text says, and pictures that tell their host who looks (use
`STRICT`, or a Content-Security-Policy whose img-src is this site only). ASVS 5.0: V1.3.1, V1.3.3.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Final

import nh3

from fastness.html.values import SafeHTML
from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass

_NEVER: Final = frozenset(
    "script style iframe object embed form input button textarea select svg math template base meta link".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SanitiserRules:
    """An allow-list: elements, and the attributes of each."""

    elements: frozenset[str]
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    schemes: frozenset[str] = frozenset({"http", "https", "mailto"})

    def __post_init__(self) -> None:
        wrong = sorted(self.elements & _NEVER)
        if wrong:
            raise ConfigError(f"the sanitiser never lets <{wrong[0]}> through. Remove it from the elements.")
        for names in self.attributes.values():
            bad = sorted(name for name in names if name.startswith("on") or name in {"style", "srcdoc", "id", "name"})
            if bad:
                raise ConfigError(
                    f"the sanitiser never lets the attribute {bad[0]} through. Remove it from the attributes."
                )
        if self.schemes - {"http", "https", "mailto", "tel"}:
            raise ConfigError("the sanitiser's schemes are among http, https, mailto and tel.")


STRICT: Final = SanitiserRules(
    elements=frozenset("p br b strong i em u s code pre blockquote ul ol li".split()),
)
"""Comments: paragraphs, emphasis, lists, code. No links, no pictures."""

ARTICLE: Final = SanitiserRules(
    elements=STRICT.elements
    | frozenset(
        "a h2 h3 h4 h5 h6 hr img table caption thead tbody tfoot tr th td dl dt dd figure figcaption abbr sub sup".split()
    ),
    attributes={
        "a": frozenset({"href", "title"}),
        "img": frozenset({"src", "alt", "title", "width", "height"}),
        "th": frozenset({"colspan", "rowspan", "scope"}),
        "td": frozenset({"colspan", "rowspan"}),
        "ol": frozenset({"start"}),
        "abbr": frozenset({"title"}),
    },
)
"""Articles: headings, links, pictures, tables and lists besides."""


def sanitise(html: str, rules: SanitiserRules = STRICT) -> SafeHTML:
    """The part of `html` that `rules` let through, ready for `{{ … }}` in HTML text."""
    clean = nh3.clean(
        html,
        tags=set(rules.elements),
        clean_content_tags={"script", "style"},
        attributes={element: set(names) for element, names in rules.attributes.items()},
        url_schemes=set(rules.schemes),
        strip_comments=True,
        link_rel="noopener noreferrer nofollow",
    )
    made = str.__new__(SafeHTML, clean)
    made.because = None
    return made
