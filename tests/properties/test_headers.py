"""No value and no source gets out of its header."""

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.csp import CSPRules, compile_csp
from fastness.kernel.errors import ConfigError
from fastness.kernel.headers import HeaderRules, HeaderValueError, check_header_name, check_header_value

SOURCES = st.text(max_size=12) | st.lists(
    st.sampled_from(
        [
            "a.example",
            "'self'",
            "'none'",
            ";",
            ",",
            " ",
            "\r\n",
            "*",
            "https:",
            "//",
            "/",
            "'",
            "nonce-",
            "\0",
            "script-src",
        ]
    ),
    max_size=4,
).map("".join)
COUNT = len(compile_csp(CSPRules()).header("abc").split(b";"))


@given(st.text() | st.binary())
def test_an_accepted_value_is_one_line(value):
    try:
        written = check_header_value(value)
    except HeaderValueError:
        return
    assert written == (value.encode("latin-1") if isinstance(value, str) else value)
    assert not any(byte < 0x20 and byte != 0x09 for byte in written)
    assert 0x7F not in written


@given(st.text() | st.binary())
def test_an_accepted_name_is_a_token(name):
    try:
        written = check_header_name(name)
    except HeaderValueError:
        return
    assert written
    assert written == written.lower()
    assert not set(written) & set(b'()<>@,;:\\"/[]?={} \t\r\n')


@given(
    SOURCES, st.sampled_from(["img_src", "script_src", "style_src", "form_action_hosts", "frame_ancestors", "base_uri"])
)
def test_a_source_never_adds_a_directive(source, name):
    try:
        compiled = compile_csp(CSPRules(**{name: (source,)}))
    except ConfigError:
        return
    for header in (compiled.header("abc"), compiled.without_nonce):
        assert check_header_value(header) == header
        assert len(header.split(b";")) == COUNT
        assert b"," not in header


@given(SOURCES)
def test_a_report_path_never_adds_a_directive(path):
    try:
        header = compile_csp(CSPRules(report_path=path)).header("abc")
    except ConfigError:
        return
    assert header.endswith(b"; report-uri " + path.encode())
    assert len(header.split(b";")) == COUNT


@given(SOURCES)
def test_rules_of_headers_are_lines(text):
    for fields in ({"framing": (text,)}, {"permissions_policy": (text,)}, {"permissions_policy": (f"camera {text}",)}):
        try:
            headers = HeaderRules(**fields).static_headers(https=True)
        except ConfigError:
            continue
        assert all(check_header_value(value) == value for _, value in headers)
