"""The policy as it is sent, and what may not be written into it."""

from dataclasses import replace

import pytest

from fastness.kernel.because import Because
from fastness.kernel.csp import API_CSP, NONCE, CSPRules, compile_csp
from fastness.kernel.errors import ConfigError
from fastness.kernel.headers import check_header_value

REASON = Because("the legacy editor needs it until it is replaced")
DEFAULT = (
    "default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; style-src 'self' 'nonce-abc'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; require-trusted-types-for 'script'; "
    "report-uri /-/csp-report"
)


def directives(header):
    pairs = (part.partition(" ") for part in header.decode().split("; "))
    return {name: value for name, _, value in pairs}


def sent(**fields):
    return directives(compile_csp(CSPRules(**fields)).header("abc"))


@pytest.mark.asvs("V3.7.1", "V3.4.7")
def test_the_default_policy():
    assert compile_csp(CSPRules()).header("abc") == DEFAULT.encode()


def test_each_nonce_stands_at_each_slot_and_nowhere_else():
    compiled = compile_csp(CSPRules())
    assert compiled.header("first").replace(b"first", b"second") == compiled.header("second")
    assert compiled.header("first").count(b"'nonce-first'") == 2


def test_without_a_nonce_nothing_inline_is_left():
    without = directives(compile_csp(CSPRules()).without_nonce)
    assert without["script-src"] == "'none'"
    assert without["style-src"] == "'self'"
    others = sent()
    assert {name: value for name, value in without.items() if name not in {"script-src", "style-src"}} == {
        name: value for name, value in others.items() if name not in {"script-src", "style-src"}
    }


def test_without_a_nonce_named_hosts_count_again():
    rules = CSPRules(script_src=(NONCE, "'strict-dynamic'", "https://cdn.example"))
    # 'strict-dynamic' would switch the host off and trust nothing in its place.
    assert directives(compile_csp(rules).without_nonce)["script-src"] == "https://cdn.example"


def test_without_a_nonce_what_a_hash_vouches_for_still_counts():
    sources = ("'sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc='", "'strict-dynamic'")
    assert directives(compile_csp(CSPRules(script_src=sources)).without_nonce)["script-src"] == " ".join(sources)


def test_a_policy_without_slots_compiles():
    rules = CSPRules(script_src=("'self'",), style_src=("'self'",))
    compiled = compile_csp(rules)
    assert compiled.header("abc") == compiled.without_nonce


def test_the_policies_are_header_values():
    for policy in (compile_csp(CSPRules()).header("abc"), compile_csp(CSPRules()).without_nonce, API_CSP):
        assert check_header_value(policy) == policy


def test_api_answers_are_sandboxed():
    assert directives(API_CSP) == {"default-src": "'none'", "frame-ancestors": "'none'", "sandbox": ""}


def test_a_nonce_that_is_not_ascii_is_no_nonce():
    with pytest.raises(UnicodeEncodeError):
        compile_csp(CSPRules()).header("é")


@pytest.mark.parametrize(
    ("fields", "directive", "value"),
    [
        pytest.param(
            {"img_src": ("'self'", "https://img.example")}, "img-src", "'self' https://img.example", id="host"
        ),
        pytest.param({"img_src": ("*.img.example",)}, "img-src", "*.img.example", id="subdomains of a host"),
        pytest.param({"img_src": ("data:", "blob:")}, "img-src", "data: blob:", id="harmless schemes of images"),
        pytest.param({"worker_src": ("'self'", "blob:")}, "worker-src", "'self' blob:", id="blob workers"),
        pytest.param({"connect_src": ("wss://a.example",)}, "connect-src", "wss://a.example", id="socket"),
        pytest.param({"connect_src": ("https://a.example:*",)}, "connect-src", "https://a.example:*", id="any port"),
        pytest.param({"connect_src": ("http://[::1]:8000",)}, "connect-src", "http://[::1]:8000", id="ipv6"),
        pytest.param({"script_src": ("https://a.example/js/",)}, "script-src", "https://a.example/js/", id="path"),
        pytest.param(
            {"script_src": (NONCE, "'sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc='")},
            "script-src",
            "'nonce-abc' 'sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc='",
            id="hash",
        ),
        pytest.param(
            {"script_src": (NONCE, "'report-sample'")}, "script-src", "'nonce-abc' 'report-sample'", id="sample"
        ),
        pytest.param({"frame_src": ("https://v.example",)}, "frame-src", "https://v.example", id="frames"),
        pytest.param({"font_src": ()}, "font-src", None, id="left out"),
        pytest.param({"frame_ancestors": ("'self'",)}, "frame-ancestors", "'self'", id="own frames"),
        pytest.param(
            {"form_action_hosts": ("https://pay.example",)},
            "form-action",
            "'self' https://pay.example",
            id="form hosts",
        ),
        pytest.param(
            {"form_action": ("'none'",), "form_action_hosts": ("https://pay.example",)},
            "form-action",
            "https://pay.example",
            id="form hosts only",
        ),
        pytest.param({"trusted_types": ("dompurify",)}, "trusted-types", "dompurify", id="named policies"),
        pytest.param({"trusted_types": ("'none'",)}, "trusted-types", "'none'", id="no policies"),
        pytest.param({"trusted_html": "server"}, "trusted-types", None, id="server policy among any"),
        pytest.param(
            {"trusted_html": "server", "trusted_types": ("dompurify",)},
            "trusted-types",
            "default dompurify",
            id="server policy among named",
        ),
        pytest.param({"trusted_html": "server"}, "require-trusted-types-for", "'script'", id="still required"),
        pytest.param({"upgrade_insecure_requests": True}, "upgrade-insecure-requests", "", id="upgrade"),
        pytest.param({"report_path": "/csp"}, "report-uri", "/csp", id="another report path"),
        pytest.param({"report_path": None}, "report-uri", None, id="no reports"),
        pytest.param({"insecure_no_trusted_types": REASON}, "require-trusted-types-for", None, id="no trusted types"),
    ],
)
def test_what_is_opened_is_sent(fields, directive, value):
    assert sent(**fields).get(directive) == value


INSECURE = [
    pytest.param("style_src", "'unsafe-inline'", "insecure_inline", id="inline styles"),
    pytest.param("style_src_attr", "'unsafe-inline'", "insecure_inline", id="style attributes"),
    pytest.param("script_src", "'unsafe-inline'", "insecure_inline", id="inline scripts"),
    pytest.param("script_src", "'unsafe-hashes'", "insecure_inline", id="handlers by hash"),
    pytest.param("script_src", "'unsafe-eval'", "insecure_eval", id="eval"),
    pytest.param("script_src", "*", "insecure_wildcards", id="scripts of anybody"),
    pytest.param("script_src", "https:", "insecure_wildcards", id="scripts of anybody with a certificate"),
    pytest.param("script_src", "HTTPS:", "insecure_wildcards", id="the same in upper case"),
    pytest.param("script_src", "http:", "insecure_wildcards", id="scripts of the network"),
    pytest.param("script_src", "https://*", "insecure_wildcards", id="wildcard host"),
    pytest.param("script_src", "https://*:443", "insecure_wildcards", id="wildcard host with port"),
    pytest.param("script_src", "*:443", "insecure_wildcards", id="wildcard host without scheme"),
    pytest.param("script_src", "*.com", "insecure_wildcards", id="a top level"),
    pytest.param("script_src", "https://*.com/x", "insecure_wildcards", id="a top level with scheme"),
    pytest.param("script_src", "data:", "insecure_wildcards", id="scripts in the address"),
    pytest.param("script_src", "blob:", "insecure_wildcards", id="scripts from memory"),
    pytest.param("object_src", "data:", "insecure_wildcards", id="objects in the address"),
    pytest.param("frame_src", "data:", "insecure_wildcards", id="frames in the address"),
    pytest.param("worker_src", "data:", "insecure_wildcards", id="workers in the address"),
    pytest.param("default_src", "*", "insecure_wildcards", id="everything"),
    pytest.param("img_src", "*", "insecure_wildcards", id="images of anybody"),
    pytest.param("img_src", "https:", "insecure_wildcards", id="images of a scheme"),
    pytest.param("connect_src", "wss:", "insecure_wildcards", id="sockets to anybody"),
    pytest.param("connect_src", "filesystem:", "insecure_wildcards", id="another scheme"),
    pytest.param("base_uri", "*", "insecure_wildcards", id="base of anybody"),
    pytest.param("form_action_hosts", "*", "insecure_wildcards", id="forms to anybody"),
    pytest.param("frame_ancestors", "*", "insecure_wildcards", id="frames of anybody"),
]


@pytest.mark.parametrize(("name", "source", "setting"), INSECURE)
def test_what_undoes_the_policy_needs_a_reason(name, source, setting):
    with pytest.raises(ConfigError) as caught:
        CSPRules(**{name: (source,)})
    assert setting in caught.value.detail
    rules = CSPRules(**{name: (source,), setting: REASON})
    assert source.encode() in compile_csp(rules).header("abc")


@pytest.mark.parametrize(("name", "source", "setting"), INSECURE)
def test_a_reason_for_one_thing_is_none_for_another(name, source, setting):
    others = {"insecure_inline", "insecure_eval", "insecure_wildcards", "insecure_no_trusted_types"} - {setting}
    with pytest.raises(ConfigError):
        CSPRules(**{name: (source,), **dict.fromkeys(others, REASON)})


@pytest.mark.parametrize("reason", [True, "because it has to be like that", 1])
def test_a_reason_is_a_because(reason):
    with pytest.raises(ConfigError):
        CSPRules(img_src=("*",), insecure_wildcards=reason)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"img_src": ("'none'", "'self'")}, id="none is not alone"),
        pytest.param({"img_src": (NONCE,)}, id="nonce where there is none"),
        pytest.param({"script_src": (NONCE, "'unsafe-inline'"), "insecure_inline": REASON}, id="inline beside nonce"),
        pytest.param({"img_src": ("self",)}, id="self without quotes"),
        pytest.param({"script_src": ("unsafe-inline",)}, id="unsafe-inline without quotes"),
        pytest.param({"img_src": ("",)}, id="empty source"),
        pytest.param({"img_src": ("'self' data:",)}, id="two sources in one"),
        pytest.param({"img_src": ("a.example; script-src *",)}, id="another directive"),
        pytest.param({"img_src": ("a.example, default-src *",)}, id="another policy"),
        pytest.param({"img_src": ("a.example\r\nX: y",)}, id="another header"),
        pytest.param({"img_src": ("a.example\x00",)}, id="nul, which marks the slots"),
        pytest.param({"img_src": ("bücher.example",)}, id="not punycode"),
        pytest.param({"img_src": ("/static/",)}, id="path without host"),
        pytest.param({"img_src": ("//a.example",)}, id="no scheme but slashes"),
        pytest.param({"img_src": ("https://",)}, id="scheme without host"),
        pytest.param({"img_src": ("https://a.example?x",)}, id="query"),
        pytest.param({"img_src": ("https://a.example/x;script-src",)}, id="directive in a path"),
        pytest.param({"img_src": ("https://a.example/x,y",)}, id="policy in a path"),
        pytest.param({"img_src": (":",)}, id="scheme without a name"),
        pytest.param({"script_src": ("'sha256-abc=",)}, id="hash without its last quote"),
        pytest.param({"img_src": ("https://u@a.example",)}, id="userinfo"),
        pytest.param({"img_src": ("ftp://a.example",)}, id="another scheme"),
        pytest.param({"img_src": ("javascript://a.example",)}, id="javascript"),
        pytest.param({"img_src": ("a.*.example",)}, id="wildcard inside"),
        pytest.param({"img_src": ("*.*.example",)}, id="two wildcards"),
        pytest.param({"img_src": ("*a.example",)}, id="wildcard of letters"),
        pytest.param({"img_src": ("'nonce-abc'",)}, id="a nonce of one's own"),
        pytest.param({"script_src": ("'sha256-a b'",)}, id="hash with a blank"),
        pytest.param({"script_src": ("'sha1-abc'",)}, id="weak hash"),
        pytest.param({"script_src": ("'Self'",)}, id="keyword in another case"),
        pytest.param({"img_src": "'self'"}, id="missing comma"),
        pytest.param({"trusted_html": "all"}, id="trusted_html"),
        pytest.param({"trusted_types": ("a;b",)}, id="name of a policy"),
        pytest.param({"trusted_types": ("*",)}, id="any policy"),
        pytest.param({"trusted_types": ("",)}, id="policy without name"),
        pytest.param({"trusted_types": "dompurify"}, id="policies without comma"),
        pytest.param({"trusted_types": ("'none'", "dompurify")}, id="no policies and one"),
        pytest.param({"trusted_types": ("'none'",), "trusted_html": "server"}, id="no policies and ours"),
        pytest.param({"trusted_types": ("ä",)}, id="name outside ascii"),
        pytest.param({"report_path": "csp"}, id="relative report path"),
        pytest.param({"report_path": "//evil.example/csp"}, id="report path of another host"),
        pytest.param({"report_path": "https://evil.example/csp"}, id="report address"),
        pytest.param({"report_path": "/csp; script-src *"}, id="report path with a directive"),
        pytest.param({"report_path": ""}, id="empty report path"),
    ],
)
def test_rules_that_are_refused(fields):
    with pytest.raises(ConfigError):
        CSPRules(**fields)


def test_a_route_changes_one_field_and_keeps_the_checks():
    rules = replace(CSPRules(), frame_ancestors=("'self'",))
    assert rules.script_src == CSPRules().script_src
    with pytest.raises(ConfigError):
        replace(rules, script_src=("*",))
