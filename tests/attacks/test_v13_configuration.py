"""V13, configuration: a deployment that is not whole does not start, and one that runs tells nothing about itself."""

import pytest

from tests.attacks.site import environ_of, try_to_serve
from tests.attacks.wire import request

SERVED = {
    "FASTNESS_IS_HTTPS_REQUIRED": "true",
    "FASTNESS_HOSTS": "target.example",
    "FASTNESS_PROXY_TRUSTED": "10.0.0.7",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"FASTNESS_HOSTS": ""}, "FASTNESS_HOSTS", id="no-hosts"),
        pytest.param({"FASTNESS_SECRET_KEY": "changeme" * 5}, "FASTNESS_SECRET_KEY", id="weak-key"),
        pytest.param({"FASTNESS_PROFILE": "development"}, "FASTNESS_PROFILE=production", id="development"),
        pytest.param({"FASTNESS_IS_HTTPS_REQUIRED": "false"}, "FST-HTTPS-001", id="plain-http"),
        pytest.param({"FASTNESS_PROXY_TRUSTED": ""}, "FST-HTTPS-002", id="no-tls-and-no-proxy"),
        pytest.param({"FASTNESS_SECRETKEY": "a"}, "FASTNESS_SECRETKEY", id="misspelt"),
    ],
)
def test_v13_2_3_v13_4_2_v11_5_1_serve_refuses_and_says_what_to_set(tmp_path, changed, said):
    done = try_to_serve(tmp_path, environ_of(tmp_path, **SERVED) | changed)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "changeme" not in done.stdout + done.stderr


ERRORS = [
    pytest.param(request("GET /nowhere", "Accept: text/html"), id="no-page"),
    pytest.param(request("POST /write-then-fail", "Accept: text/html", "Content-Length: 0"), id="exception-page"),
    pytest.param(request("POST /write-then-fail", "Content-Length: 0"), id="exception-document"),
    pytest.param(request("GET /write"), id="write-in-get"),
    pytest.param(request("GET /foreign-header?value=%0d%0a"), id="split-header"),
    pytest.param(request("GET /go?to=nowhere"), id="unknown-route"),
    pytest.param(request("POST /json", "Content-Type: application/json", body=b"{"), id="no-json"),
    pytest.param(request("POST /upload", "Content-Type: multipart/form-data", body=b"{"), id="no-form"),
    pytest.param(request("GET /%ff"), id="path"),
]


@pytest.mark.parametrize("sent", ERRORS)
def test_v13_4_2_v13_4_6_v16_5_1_an_error_tells_nothing_about_the_inside(any_site, sent):
    answer = any_site.send(sent)
    assert answer.status >= 400
    text = answer.body + repr(answer.headers).encode()
    inside = [b"Traceback", b"secret detail", b".py", b"site-packages", b"starlette", b"granian", b"uvicorn", b"sqlite"]
    inside += [b"RuntimeError", b"insecure_", b"fastness.web", str(any_site.folder).encode()]
    assert not [word for word in inside if word.lower() in text.lower().replace(b"fastness.css", b"")]


@pytest.mark.parametrize("peer", ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Cookie: fastness-debug=a"])
def test_v13_4_2_there_is_no_debug_page_in_production(any_site, peer):
    sent = request("POST /write-then-fail", "Accept: text/html", "Sec-Fetch-Mode: navigate", peer, "Content-Length: 0")
    answer = any_site.send(sent)
    assert answer.status == 500
    assert b"write_then_fail" not in answer.body
    assert any_site.send(request("GET /-/debug")).status == 404


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/redoc", "/metrics", "/admin", "/server-status", "/debug", "/.well-known/"]
)
def test_v13_4_5_nothing_is_served_that_nobody_asked_for(any_site, path):
    assert any_site.send(request(f"GET {path}")).status == 404
