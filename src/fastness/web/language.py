"""Which language a request is answered in, where the app has several; without, this stage is not there.

The language is kept in the context of the request's task, so that a mail that it queues is written in it, too.
"""

from collections.abc import Mapping
from typing import Final

from fastness.kernel.languages import LANGUAGE, choose_language
from fastness.web.exchange import SCOPE_KEY, ASGIApp, Exchange, Receive, Scope, Send

_VARY: Final = {"vary": "accept-language"}


def language_of(exchange: Exchange) -> str:
    """The language to answer the request in; empty where there is only one."""
    languages = exchange.site.languages
    if len(languages) == 1:
        return ""
    header = exchange.headers.get(b"accept-language", b"")
    return choose_language(header.decode("latin-1"), languages)


def vary_by_language(languages: tuple[str, ...]) -> Mapping[str, str] | None:
    """The header that tells caches of a page in one of several languages (RFC 9110 §12.5.5)."""
    return _VARY if len(languages) > 1 else None


class LanguageStage:
    """Chooses by `Accept-Language`."""

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        former = LANGUAGE.set(language_of(scope[SCOPE_KEY]))
        try:
            await self.app(scope, receive, send)
        finally:
            LANGUAGE.reset(former)
