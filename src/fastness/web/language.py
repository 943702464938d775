"""Which language a request is answered in, where the app has several; without, this stage is not there.

The language is kept in the context of the request's task, so that a mail that it queues is written in it, too.
"""

from collections.abc import Mapping
from typing import Final

from fastness.kernel.languages import LANGUAGE, choose_language
from fastness.web.exchange import SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send

_VARY: Final = {"vary": "accept-language"}


def vary_by_language(languages: tuple[str, ...]) -> Mapping[str, str] | None:
    """The header that tells caches of a page in one of several languages (RFC 9110 §12.5.5)."""
    return _VARY if len(languages) > 1 else None


class LanguageStage:
    """Chooses by `Accept-Language`."""

    __slots__ = ("app", "languages")

    def __init__(self, app: ASGIApp, *, languages: tuple[str, ...]) -> None:
        self.app = app
        self.languages = languages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        header = exchange.headers.get(b"accept-language", b"").decode("latin-1")
        former = LANGUAGE.set(choose_language(header, self.languages))
        try:
            await self.app(scope, receive, send)
        finally:
            LANGUAGE.reset(former)
