"""Raw ASGI requests: what servers hand over and no client library would send."""

import asyncio


async def ask(app, **request):
    """Status and body of one raw ASGI request."""
    sent = await messages_of(app, **request)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


async def messages_of(app, *, method="GET", path="/", headers=(), messages=None, **scope_values):
    """All messages that a raw ASGI request is answered with."""
    sent = []
    queue = list(messages or [{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        if queue:
            return queue.pop(0)
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(errors="surrogateescape"),
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "headers": [(b"host", b"shop.example"), *headers],
        "client": ("198.51.100.7", 4000),
        "server": ("127.0.0.1", 443),
    }
    await app({**scope, **scope_values}, receive, send)
    return sent
