"""An app with a page and a socket for people who are signed in; `test_devices.py` runs it."""

from fastness import Fastness, HTMLResponse, Routes, Settings, access

routes = Routes(access=access.signed_in)


@routes.get("/")
async def home(request):
    return HTMLResponse("<!doctype html><html lang=en><title>Home</title><h1>Home</h1></html>")


@routes.websocket("/live")
async def live(socket):
    await socket.accept()
    await socket.send_text(socket.user.username)
    await socket.receive_text()


app = Fastness(Settings.load(), routes=[routes])
