"""What pages that begin with a link from a mail share: the token leaves the address before a page is shown.

A page at an address with a token in it would hand it to whatever it links to or loads, to the history, and to whoever looks over
a shoulder. So the address in the mail answers with a redirect, always the same one, and keeps the link's key in the session; the
page at the clean address finds it there. Following the link changes nothing else: scanners of mail follow every link, and some
show the page. Only the form, which is posted, uses the link.

The session keeps the digest of the token, which opens nothing from outside, and one link of a purpose at a time.

ASVS 5.0: V14.2.1 (no secrets in addresses that are kept), V6.5.1, V3.3.2.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, TypeAlias

from fastness.auth.purposes import Place, Purpose
from fastness.kernel.events import EventName
from fastness.kernel.texts import Text
from fastness.kernel.tokens import MalformedTokenError, hash_token
from fastness.web.access import public
from fastness.web.https import without_port
from fastness.web.rates import per_hour, per_minute
from fastness.web.recording import record
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

if TYPE_CHECKING:
    from fastness.auth.address_links import AddressLinks
    from fastness.auth.password_links import PasswordLinks
    from fastness.auth.sign_ups import SignUps

PurposePage: TypeAlias = Callable[[Request, Purpose], Awaitable[Response]]

MAIL_RATE: Final = (per_minute(10), per_hour(60))
"""How often one client may ask for mails, and try what is behind a link."""
MAX_FORM_BYTES: Final = 32_768
_KEY: Final = "fastness.link."
_DIGEST_CHARACTERS: Final = 64


def password_links_of(request: Request) -> "PasswordLinks":
    """Links to a new password; loaded when a page asks for them."""
    kind: type[PasswordLinks] = import_module("fastness.auth.password_links").PasswordLinks
    return request.site.service(kind)


def address_links_of(request: Request) -> "AddressLinks":
    """Links that confirm an address; loaded when a page asks for them."""
    kind: type[AddressLinks] = import_module("fastness.auth.address_links").AddressLinks
    return request.site.service(kind)


def sign_ups_of(request: Request) -> "SignUps":
    """Sign-ups; loaded when a page asks for them."""
    kind: type[SignUps] = import_module("fastness.auth.sign_ups").SignUps
    return request.site.service(kind)


def place_of(request: Request, path: str) -> Place:
    """Where links from this request lead, below `path`.

    The name is one that the settings write out: that of the Host header, if it is such a one. Its port is the visitor's word, so
    that it counts in development only.
    """
    site = request.site
    name = site.hosts.name_for_links(without_port(request.host))
    origin = f"http://{request.host}" if site.is_development else f"https://{name}"
    return Place(page=origin + request.address(path), site=name)


def add_link_pages(
    routes: Routes,
    purpose: Purpose,
    *,
    page: str,
    link: str,
    names: tuple[str, str],
    show: PurposePage,
    use: PurposePage,
) -> None:
    """Add what a link in a mail needs: its address, the page at a clean address, and the form on it, which uses the link.

    Args:
        routes: where to.
        purpose: what the link is for.
        page: the clean address.
        link: the address in the mail, up to the token.
        names: of the page, and of the address in the mail.
        show: shows the form.
        use: takes what was typed into it.
    """

    async def show_page(request: Request) -> Response:
        return await show(request, purpose)

    async def use_link(request: Request) -> Response:
        return await use(request, purpose)

    async def follow_link(request: Request) -> Response:
        return take_token(request, purpose, page)

    routes.get(page, access=public, name=names[0])(show_page)
    routes.post(page, access=public, name=names[0], max_body_bytes=MAX_FORM_BYTES)(use_link)
    routes.get(link + "{token}", access=public, name=names[1])(follow_link)


def take_token(request: Request, purpose: Purpose, page: str) -> Response:
    """Move the token of the address into the session, and go on to the page."""
    token: str = request.path_params["token"]
    try:
        request.session.set(_KEY + purpose, hash_token(token).hex())
    except MalformedTokenError:
        request.session.delete(_KEY + purpose)
    return redirect(request, request.address(page))


def key_in_session(request: Request, purpose: Purpose) -> bytes | None:
    """The key of the link that was followed."""
    value = request.session.get(_KEY + purpose)
    return bytes.fromhex(value) if isinstance(value, str) and len(value) == _DIGEST_CHARACTERS else None


def drop_key(request: Request, purpose: Purpose) -> None:
    """Forget the link: it was used."""
    request.session.delete(_KEY + purpose)


def dead_link(request: Request, *, again: str = "", again_text: str = "") -> Response:
    """The page for a link that no longer works; `again` is the path of the page where another one is asked for."""
    record(request.exchange, EventName.AUTHN_TOKEN_REUSE, "dead_link")
    return message(
        request,
        title=Text("This link no longer works"),
        lead=Text("It was used already, is too old, or the account has changed since it was sent."),
        link=again,
        link_text=again_text,
        status=410,
    )


def message(
    request: Request, *, title: str, lead: str, link: str = "", link_text: str = "", status: int = 200
) -> Response:
    """A page that says one thing, and where to go from there."""
    return render(
        request,
        "accounts/message.html",
        status=status,
        title=title,
        lead=lead,
        link=request.address(link) if link else "",
        link_text=link_text,
    )
