"""Your devices: where somebody is signed in, and the way to end it there.

Protects a person whose session is somebody else's too. They see each session: when it began, when it was used last, from which
network and kind of browser, which one is this one; and end one, or all others. What is ended is refused from the next request
on, and its open sockets are closed within seconds. A session is named by a keyed digest of its stored hash, so that this page
holds nothing under which the store knows it, and one that is not the person's own cannot be named.

Ending asks for a recent proof of who somebody is: otherwise whoever sits at a forgotten screen locks its owner out elsewhere
(ASVS 5.0 V7.5.2). V7.4.1, V16.3.3.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from fastness.kernel.signing import Keyring
from fastness.kernel.texts import Text
from fastness.sessions.recordstore import SessionSummary
from fastness.web.access import fresh, signed_in
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

DEVICES_PATH: Final = "/account/devices"
_END_PATH: Final = "/account/devices/end"
_END_OTHERS_PATH: Final = "/account/devices/end-others"
_PROVED: Final = fresh(minutes=30)
_PURPOSE: Final = "fastness.accounts.device"
_NAME_BYTES: Final = 16

device_routes: Final = Routes(access=signed_in)


class Device(NamedTuple):
    """One session as its owner sees it."""

    name: str
    label: str
    """What the browser is; empty where that was not noted."""
    network: str
    began: datetime
    seen: datetime
    is_remembered: bool
    is_this: bool


@device_routes.get(DEVICES_PATH, name="devices")
async def show_devices(request: Request) -> Response:
    """Where the person is signed in."""
    sessions = await request.site.sessions.active_sessions(request.user.id)
    own = request.session.received_id_hash  # a gain of rights may be giving it a new one with this very response
    devices = [_device(request.site.keyring, one, own) for one in sessions]
    return render(
        request,
        "accounts/devices.html",
        unknown=Text("Unknown browser"),
        devices=sorted(devices, key=lambda one: not one.is_this),
        end=request.address(_END_PATH),
        end_others=request.address(_END_OTHERS_PATH),
    )


@device_routes.post(_END_PATH, access=_PROVED, name="end_device")
async def end_device(request: Request) -> Response:
    """End one session of the person."""
    name = dict(await request.form_pairs()).get("device", "")
    sessions = request.site.sessions
    for one in await sessions.active_sessions(request.user.id):
        if _name(request.site.keyring, one.id_hash) == name:
            await sessions.end_one(request.user.id, one.id_hash)
    return redirect(request, request.address(DEVICES_PATH))


@device_routes.post(_END_OTHERS_PATH, access=_PROVED, name="end_other_devices")
async def end_other_devices(request: Request) -> Response:
    """End all sessions of the person but this one."""
    await request.site.sessions.end_all(request.user.id, except_session=request.session)
    return redirect(request, request.address(DEVICES_PATH))


def _device(keyring: Keyring, one: SessionSummary, own: bytes) -> Device:
    context = one.context
    return Device(
        name=_name(keyring, one.id_hash),
        label="" if context is None else context.label,
        network="" if context is None else context.network,
        began=datetime.fromtimestamp(one.created, UTC),
        seen=datetime.fromtimestamp(one.seen, UTC),
        is_remembered=one.is_remembered,
        is_this=one.id_hash == own,
    )


def _name(keyring: Keyring, id_hash: bytes) -> str:
    return keyring.mac(_PURPOSE, id_hash)[:_NAME_BYTES].hex()
