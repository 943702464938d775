"""Brings about each kind of answer that can be had from outside, so that the checks of headers see all of them.

It finds nothing itself.
"""

from fastness.probe.check import NOWHERE
from fastness.probe.scan import Scan


async def ask_for_each_status(scan: Scan) -> None:
    """Not modified, not found, not allowed, malformed, too large, of the wrong type, not acceptable."""
    ask, front = scan.client.ask, scan.front
    page = await ask(front)
    stamps = {"If-None-Match": page.header("etag") or "*", "If-Modified-Since": page.header("last-modified") or None}
    assets = [link for link in sorted(scan.nobody.links) if link.startswith("/static/")][:3]
    for asset in assets:
        answer = await ask(asset)
        await ask(asset, headers={"If-None-Match": answer.header("etag") or "*"})
        await ask(asset, headers={"Range": "bytes=0-1"})
        await ask(asset, headers={"Range": "bytes=9999999-"})
    await ask(front, headers=stamps)
    await ask(front, headers={"Accept": "application/json"})
    await ask(front, headers={"Accept": "image/avif", "Accept-Encoding": "identity;q=0"})
    await ask(NOWHERE)
    await ask(NOWHERE, headers={"Accept": "application/json", "Sec-Fetch-Mode": "cors"})
    await ask(front.rstrip("/") + "/" if front != "/" else "/static")
    await ask(front + "%", may_hang_up=True)
    await ask(front, "PUT", body=b"{}", headers={"Content-Type": "application/json"})
    await ask(front, "OPTIONS")
    await ask(front, headers={"Upgrade": "probe"})
    for route in [route for route in scan.routes if route.kind == "http" and "POST" in route.methods][:8]:
        path = scan.address_of(route, scan.nobody)
        await ask(path, "POST", headers={"Content-Type": "application/json"}, body=b"{")
        await ask(path, "POST", headers={"Content-Type": "application/octet-stream"}, body=b"\0")
    if scan.target.sign_in_path is not None:
        await ask(
            scan.target.sign_in_path, "POST", headers={"Content-Type": "application/x-www-form-urlencoded"}, body=b"a=b"
        )
