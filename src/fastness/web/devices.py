"""The cookie by which a device is known that somebody has signed in on before.

It is set when a sign-in is complete, second factor included, and read before the next password is looked at: the throttle
then counts this device apart from everybody else (`fastness.auth.devices` says what that is worth, and to whom). It signs
nobody in. ASVS 5.0 V6.3.1, V3.3.1, V3.3.3, V3.3.4.
"""

from fastness.auth.throttle import Throttle
from fastness.kernel.cookies import build_cookie, find_cookie
from fastness.sessions.identity import Identity
from fastness.web.exchange import Exchange


def device_cookie_of(exchange: Exchange) -> str:
    """The value of the request's device cookie, or nothing."""
    cookies = exchange.headers.get(b"cookie")
    if cookies is None:
        return ""
    return find_cookie(cookies, exchange.site.device_cookie.name.encode()) or ""


def make_device_known(exchange: Exchange, identity: Identity, *names: str) -> None:
    """Have the browser keep that `identity` signed in on it; call it when all factors have been shown.

    Args:
        exchange: of the request that completes the sign-in.
        identity: who signed in, with the epoch of this moment.
        names: what else they sign in with, such as an e-mail address, beside user name and id.
    """
    site = exchange.site
    devices = site.service(Throttle).devices
    value = devices.make(
        user_id=identity.id, epoch=identity.epoch, names=(identity.username, str(identity.id), *filter(None, names))
    )
    cookie = build_cookie(site.device_cookie, value, max_age_seconds=devices.max_age_seconds)
    exchange.add_response_header(b"set-cookie", cookie)
