"""Faults, one each: what stands in front of an app, or inside it, and spoils one thing."""

import asyncio
from urllib.parse import parse_qs, unquote


def cookies_in(scope):
    return next((value.decode() for name, value in scope["headers"] if name == b"cookie"), "")


def header_of(scope, name):
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def respelt(change):
    """Change the head of each answer: `change(scope, status, headers)` gives both anew."""

    def fault(app):
        async def spoilt(scope, receive, send):
            async def respell(message):
                if message["type"] == "http.response.start":
                    message["status"], message["headers"] = change(scope, message["status"], list(message["headers"]))
                await send(message)

            await app(scope, receive, respell)

        return spoilt

    return fault


def without(*names, when=lambda scope, status: True):
    return respelt(
        lambda scope, status, headers: (
            status,
            [pair for pair in headers if pair[0].decode() not in names or not when(scope, status)],
        )
    )


def with_header(name, value, when=lambda scope, status: True):
    """Replace a header."""

    def change(scope, status, headers):
        if not when(scope, status):
            return status, headers
        return status, [*(pair for pair in headers if pair[0] != name.encode()), (name.encode(), value.encode())]

    return respelt(change)


def replaced(name, old, new):
    """Replace part of a header's value."""
    return respelt(
        lambda scope, status, headers: (
            status,
            [
                (key, value.replace(old.encode(), new.encode()) if key == name.encode() else value)
                for key, value in headers
            ],
        )
    )


def instead(when, answer):
    """Answer in place of the app where `when(scope)`: `answer(scope)` gives status, headers and body."""

    def fault(app):
        async def spoilt(scope, receive, send):
            if scope["type"] == "http" and when(scope):
                status, headers, body = answer(scope)
                pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
                await send({"type": "http.response.start", "status": status, "headers": pairs})
                await send({"type": "http.response.body", "body": body.encode()})
                return
            await app(scope, receive, send)

        return spoilt

    return fault


def rewritten(change):
    """Change the request before the app sees it."""

    def fault(app):
        async def spoilt(scope, receive, send):
            if scope["type"] == "http":
                scope = change(dict(scope))
            await app(scope, receive, send)

        return spoilt

    return fault


def page_at(path, body="<!doctype html><p>page", status=200, **headers):
    return instead(
        lambda scope: scope["path"] == path,
        lambda scope: (status, {"content-type": "text/html; charset=utf-8", **headers}, body),
    )


def is_at(path):
    return lambda scope, status: scope.get("path") == path


def own_host(scope):
    """A proxy that names the host itself where another was asked for."""
    if "probe.invalid" not in header_of(scope, b"host"):
        return scope
    kept = [pair for pair in scope["headers"] if pair[0] != b"host"]
    return {**scope, "headers": [*kept, (b"host", b"127.0.0.1")]}


def first_host(scope):
    hosts = [pair for pair in scope["headers"] if pair[0] == b"host"]
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"host"] + hosts[:1]}


def original_url(scope):
    path = header_of(scope, b"x-original-url")
    return {**scope, "path": path, "raw_path": path.encode()} if path else scope


def overridden(scope):
    method = header_of(scope, b"x-http-method-override")
    return {**scope, "method": method} if method else scope


def one_length(scope):
    return {
        **scope,
        "headers": [pair for pair in scope["headers"] if pair[0] not in {b"content-length", b"transfer-encoding"}],
    }


def reflecting(app):
    """Sharing with whoever asks."""
    return respelt(
        lambda scope, status, headers: (
            status,
            [*headers, (b"access-control-allow-origin", header_of(scope, b"origin").encode() or b"x")],
        )
    )(app)


def opening_sockets(app):
    async def spoilt(scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        await app(scope, receive, send)

    return spoilt


def splitting(scope, status, headers):
    values = parse_qs(scope.get("query_string", b"").decode()).get("lang", ["en"])
    return status, [*headers, (b"x-lang", values[0].encode("latin-1", "replace"))]


def foreign_entries(app):
    """The page of somebody else's entry, for whoever is signed in."""
    return respelt(
        lambda scope, status, headers: (
            200
            if status == 404 and scope["path"].startswith("/entries/") and "session" in cookies_in(scope)
            else status,
            headers,
        )
    )(app)


def signing_in(answer):
    """Answers sign-ins by name in place of the app; `answer(name)` gives status and seconds, or None for the app's own."""

    def fault(app):
        async def spoilt(scope, receive, send):
            if scope["type"] != "http" or (scope["method"], scope["path"]) != ("POST", "/account/sign-in"):
                await app(scope, receive, send)
                return
            message = await receive()
            fields = parse_qs(message["body"].decode())
            given = answer(fields.get("username", [""])[0], fields.get("password", [""])[0])
            if given is None:
                messages = iter([message])

                async def again():
                    return next(messages, None) or await receive()

                await app(scope, again, send)
                return
            status, seconds = given
            await asyncio.sleep(seconds)
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"no"})

        return spoilt

    return fault


def keeping_id(scope, status, headers):
    """The id that came with the sign-in is the one that goes on."""
    sent = dict(part.strip().partition("=")[::2] for part in cookies_in(scope).split(";"))
    if (scope.get("method"), scope["path"]) != ("POST", "/account/sign-in") or "__Host-session" not in sent:
        return status, [pair for pair in headers if not (b"__Host-session" in pair[1] and b"Max-Age=0" in pair[1])]
    line = f"__Host-session={sent['__Host-session']}; Path=/; Secure; HttpOnly; SameSite=Lax".encode()
    return status, [*(pair for pair in headers if b"__Host-session" not in pair[1]), (b"set-cookie", line)]


def swallowing_sign_out():
    return instead(lambda scope: scope["path"] == "/account/sign-out", lambda scope: (303, {"location": "/"}, ""))


def is_other_spelling(scope):
    return scope["raw_path"] != b"/entries" and unquote(unquote(scope["path"])).rstrip("/. ").lower() == "/entries"


def echoed(scope):
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    return query.get("q", "")
