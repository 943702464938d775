"""One's own data: download it, and close the account.

Both ask for a fresh proof of who somebody is: a browser left open shall hand out neither everything about its owner nor an end
to their account. Closing ends all sessions at once and keeps the rows; who runs the site can open the account again, and the
owner is told by mail.

ASVS 5.0: V7.4.2 (sessions end with the account), V7.5.1, V14.3.2 (not kept in caches).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from fastness.accounts.mailed import message, place_of
from fastness.auth.errors import LastSuperuserError
from fastness.kernel.texts import Text
from fastness.mail.notices import Notice, notice
from fastness.web.access import fresh, public
from fastness.web.forms import text_pairs
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import JSONResponse, Response, redirect
from fastness.web.routing import Routes

if TYPE_CHECKING:
    from fastness.auth.accounts import Accounts
    from fastness.auth.personal_data import PersonalData
    from fastness.mail.outbox import Outbox

DATA_PATH: Final = "/account/data"
EXPORT_PATH: Final = "/account/data/export"
CLOSE_PATH: Final = "/account/data/close"
CLOSED_PATH: Final = "/account/closed"
_PROVED: Final = fresh(minutes=10)
_MAX_FORM_BYTES: Final = 32_768

data_routes: Final = Routes()


@data_routes.get(DATA_PATH, access=_PROVED, name="own_data")
async def show_data(request: Request) -> Response:
    """What can be done with one's data."""
    return _data_page(request)


@data_routes.get(EXPORT_PATH, access=_PROVED, name="own_data_export")
async def export_data(request: Request) -> Response:
    """Everything about who is signed in, as a file."""
    kind: type[PersonalData] = import_module("fastness.auth.personal_data").PersonalData
    parts = await request.site.service(kind).export(request.db, await request.account())
    response = JSONResponse(parts)
    response.headers["content-disposition"] = 'attachment; filename="account.json"'
    return response


@data_routes.post(CLOSE_PATH, access=_PROVED, name="account_close", max_body_bytes=_MAX_FORM_BYTES)
async def close_account(request: Request) -> Response:
    """Close the account of who is signed in."""
    if dict(text_pairs(await request.form_pairs())).get("sure") != "yes":
        return _data_page(request, problem=Text("Say that you are sure."))
    accounts: type[Accounts] = import_module("fastness.auth.accounts").Accounts
    outbox: type[Outbox] = import_module("fastness.mail.outbox").Outbox
    site = request.site
    user = await request.account()
    try:
        await site.service(accounts).set_active(request.db, user, is_active=False)
    except LastSuperuserError as error:
        return _data_page(request, problem=error.public)
    if user.email:
        mail = notice(
            Notice.DEACTIVATED,
            to=user.email,
            site=place_of(request, DATA_PATH).site,
            at=site.clock.now(),
            username=user.username,
        )
        await site.service(outbox).add(request.db, mail)
    return redirect(request, request.address(CLOSED_PATH))


@data_routes.get(CLOSED_PATH, access=public, name="account_closed")
async def show_closed(request: Request) -> Response:
    """It is done."""
    return message(
        request,
        title=Text("Your account is closed"),
        lead=Text("Every device was signed out, and nobody can sign in with it any more."),
    )


def _data_page(request: Request, *, problem: str = "") -> Response:
    return render(
        request,
        "accounts/own_data.html",
        status=422 if problem else 200,
        username=request.user.username,
        export=request.address(EXPORT_PATH),
        close=request.address(CLOSE_PATH),
        problem=problem,
    )
