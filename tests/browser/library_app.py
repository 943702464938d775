"""What the browser tests of libraries and browser features load: pages under the default policy, and hostile fragments for them.

The settings come from the environment, so that one module serves the default, the loosened and the closed variants.
"""

from pathlib import Path
from typing import Final

from fastness import Because, Fastness, HTMLResponse, Request, Response, Routes, Settings, access, render
from fastness.html.values import SafeHTML
from scripts.browser_libraries import FOLDER

# What somebody got into the server's HTML; each part tries to leave its number in the window.
HOSTILE: Final = (
    '<p class="swapped">from the server</p>'
    '<img src="/missing.png" onerror="window.pwned=1">'
    "<script>window.pwned=2</script>"
    '<script src="/hostile.js"></script>'
    '<a href="javascript:window.pwned=4" class="bait">bait</a>'
)
UNCHECKED: Final = SafeHTML.insecure_from(HOSTILE, because=Because("stands for a hole in somebody's server"))

routes = Routes(access=access.public)


@routes.get("/htmx")
async def htmx(request: Request) -> Response:
    return render(request, "htmx.html")


@routes.get("/htmx/form")
async def htmx_form(request: Request) -> Response:
    return render(request, "htmx_form.html")


@routes.get("/turbo")
async def turbo(request: Request) -> Response:
    return render(request, "turbo.html")


@routes.get("/alpine")
async def alpine(request: Request) -> Response:
    return render(request, "alpine.html")


@routes.get("/passkey")
async def passkey(request: Request) -> Response:
    return render(request, "passkey.html")


@routes.get("/fragment")
async def fragment(request: Request) -> Response:
    return HTMLResponse(HOSTILE)


@routes.get("/turbo/frame")
async def turbo_frame(request: Request) -> Response:
    return render(request, "turbo_frame.html", hostile=UNCHECKED)


@routes.get("/turbo/page")
async def turbo_page(request: Request) -> Response:
    return render(request, "turbo_page.html", hostile=UNCHECKED)


@routes.post("/echo", csrf="always")
async def echo(request: Request) -> Response:
    pairs = await request.form_pairs()
    return render(request, "echo.html", text=pairs[0][1])


@routes.get("/hostile.js")
async def hostile_script(request: Request) -> Response:
    return Response("window.pwned=3", media_type="text/javascript")


@routes.get("/set-cookies")
async def set_cookies(request: Request) -> Response:
    response = HTMLResponse("<!doctype html><title>set</title>")
    response.headers.append("Set-Cookie", "plain=1; Path=/; HttpOnly; SameSite=Lax")
    response.headers.append("Set-Cookie", "secure=1; Path=/; HttpOnly; SameSite=Lax; Secure")
    return response


@routes.get("/cookies")
async def cookies(request: Request) -> Response:
    names = [pair.split("=")[0].strip() for pair in request.headers.get("cookie", "").split(";")]
    return HTMLResponse(f"<!doctype html><title>{','.join(sorted(names))}</title>")


app = Fastness(
    Settings.load(),
    routes=[routes],
    templates=Path(__file__).parent / "library_templates",
    static=FOLDER,
    accounts=False,
)
