"""Paths of requests in one spelling, and names of files that stay in their folder."""

import os

import pytest

from fastness.kernel.paths import MAX_PATH_BYTES, PathReason, UnsafePathError, decide_path, join_under
from fastness.kernel.verdicts import ALLOW, Deny


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(b"/", id="root"),
        pytest.param(b"/cases/3f2504e0-4f89-11d3-9a0c-0305e82c3301", id="plain"),
        pytest.param(b"/cases/", id="trailing slash"),
        pytest.param(b"/-._~!$&'()*+,;=:@", id="every plain character"),
        pytest.param(b"/a|b[c]^d", id="what browsers leave unencoded"),
        pytest.param(b"/a;v=1/b", id="parameters"),
        pytest.param(b"/.well-known/security.txt", id="begins with a dot"),
        pytest.param(b"/...", id="three dots"),
        pytest.param(b"/..a", id="begins with two dots"),
        pytest.param(b"/a..", id="ends with two dots"),
        pytest.param(b"/a../b", id="segment that ends with two dots"),
        pytest.param(b"/a.;b", id="dot and parameter in a name"),
        pytest.param(b"/caf%C3%A9", id="encoded letter"),
        pytest.param(b"/caf%c3%a9", id="encoded in lower case"),
        pytest.param(b"/a%20b", id="encoded blank"),
        pytest.param(b"/a%3Fb%23c", id="encoded question mark and hash"),
        pytest.param(b"/%F0%9F%98%80", id="encoded emoji"),
        pytest.param(b"/%D9%86%E2%80%8C%D8%A7", id="encoded joiner, as Persian has it"),
        pytest.param(b"/%C2%A0", id="first character above the C1 controls"),
        # Decoded once, these are texts and stay texts.
        pytest.param(b"/%252e%252e/x", id="encoded percent sign before 2e"),
        pytest.param(b"/%252f", id="encoded percent sign before 2f"),
        pytest.param(b"/%2500", id="encoded percent sign before 00"),
        pytest.param(b"/" + b"a" * (MAX_PATH_BYTES - 1), id="longest"),
    ],
)
def test_paths_that_are_accepted(path):
    assert decide_path(path) is ALLOW
    assert decide_path(path, allow_encoded_slash=True) is ALLOW


@pytest.mark.asvs("V1.1.1")
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param(b"", "EMPTY", id="empty"),
        pytest.param(b"cases", "NOT_ABSOLUTE", id="relative"),
        pytest.param(b"*", "NOT_ABSOLUTE", id="asterisk form"),
        # CVE-2026-48710 and kin: an absolute form poisons what is built from the path.
        pytest.param(b"http://evil.example/", "NOT_ABSOLUTE", id="absolute form"),
        pytest.param(b"@evil.example", "NOT_ABSOLUTE", id="userinfo"),
        pytest.param(b"\\admin", "NOT_ABSOLUTE", id="backslash in front"),
        pytest.param(b"%2fadmin", "NOT_ABSOLUTE", id="encoded slash in front"),
        pytest.param(b" /admin", "NOT_ABSOLUTE", id="blank in front"),
        pytest.param(b"/" * (MAX_PATH_BYTES + 1), "TOO_LONG", id="one byte too long"),
        pytest.param(b"/%" * 500_000, "TOO_LONG", id="a million bytes"),
        # A proxy guards /admin, the application merges slashes; or the path becomes a host in a redirect.
        pytest.param(b"//admin", "DOUBLE_SLASH", id="double slash in front"),
        pytest.param(b"//evil.example/share", "DOUBLE_SLASH", id="UNC path"),
        pytest.param(b"/a//b", "DOUBLE_SLASH", id="double slash inside"),
        pytest.param(b"/a//", "DOUBLE_SLASH", id="double slash at the end"),
        pytest.param(b"///", "DOUBLE_SLASH", id="slashes"),
        pytest.param(b"/.", "DOT_SEGMENT", id="dot"),
        pytest.param(b"/./", "DOT_SEGMENT", id="dot and slash"),
        pytest.param(b"/..", "DOT_SEGMENT", id="dots"),
        pytest.param(b"/../", "DOT_SEGMENT", id="dots and slash"),
        pytest.param(b"/static/../admin", "DOT_SEGMENT", id="dots inside"),
        pytest.param(b"/static/./admin", "DOT_SEGMENT", id="dot inside"),
        pytest.param(b"/a/..", "DOT_SEGMENT", id="dots at the end"),
        pytest.param(b"/%2e%2e/admin", "DOT_SEGMENT", id="encoded dots"),
        pytest.param(b"/%2E%2E/admin", "DOT_SEGMENT", id="encoded dots in upper case"),
        pytest.param(b"/.%2e/admin", "DOT_SEGMENT", id="half encoded dots"),
        pytest.param(b"/%2e./admin", "DOT_SEGMENT", id="half encoded dots, the other way"),
        pytest.param(b"/%2e", "DOT_SEGMENT", id="encoded dot"),
        # "Breaking parser logic" (Black Hat 2018): Tomcat drops ";…" before it resolves dots, the proxy in front did not.
        pytest.param(b"/..;/admin", "DOT_SEGMENT", id="dots with empty parameter"),
        pytest.param(b"/..;a=b/admin", "DOT_SEGMENT", id="dots with parameter"),
        pytest.param(b"/.;/admin", "DOT_SEGMENT", id="dot with empty parameter"),
        pytest.param(b"/%2e%2e%3b/admin", "DOT_SEGMENT", id="encoded dots and semicolon"),
        pytest.param(b"/..;", "DOT_SEGMENT", id="dots with parameter at the end"),
        pytest.param(b"/admin%2f..", "ENCODED_SLASH", id="encoded slash"),
        pytest.param(b"/a%2Fb", "ENCODED_SLASH", id="encoded slash in upper case"),
        pytest.param(b"/%2f%2fevil.example", "ENCODED_SLASH", id="encoded slashes in front"),
        pytest.param(b"/..%2fadmin", "ENCODED_SLASH", id="dots and encoded slash"),
        pytest.param(b"/a%5cb", "ENCODED_SLASH", id="encoded backslash"),
        pytest.param(b"/a%5Cb", "ENCODED_SLASH", id="encoded backslash in upper case"),
        pytest.param(b"/..%5cadmin", "ENCODED_SLASH", id="dots and encoded backslash"),
        pytest.param(b"/a\\b", "BACKSLASH", id="backslash"),
        pytest.param(b"/..\\admin", "BACKSLASH", id="dots and backslash"),
        pytest.param(b"/\\evil.example", "BACKSLASH", id="slash and backslash"),
        pytest.param(b"/a\x00", "CONTROL", id="nul"),
        pytest.param(b"/a\r\nX: y", "CONTROL", id="header injection"),
        pytest.param(b"/a\tb", "CONTROL", id="tab"),
        pytest.param(b"/a\x7f", "CONTROL", id="delete"),
        pytest.param(b"/a%00.png", "CONTROL", id="encoded nul"),
        pytest.param(b"/a%0d%0aX:%20y", "CONTROL", id="encoded line end"),
        pytest.param(b"/a%0a", "CONTROL", id="encoded line feed at the end"),
        pytest.param(b"/%1b[31m", "CONTROL", id="encoded escape"),
        pytest.param(b"/%7f", "CONTROL", id="encoded delete"),
        pytest.param(b"/%C2%85", "CONTROL", id="encoded next line"),
        pytest.param(b"/%C2%9B31m", "CONTROL", id="encoded control sequence introducer"),
        pytest.param(b"/%C3%82%C2%80", "CONTROL", id="C1 control behind another letter"),
        pytest.param(b"/a%", "BAD_ENCODING", id="percent sign at the end"),
        pytest.param(b"/a%2", "BAD_ENCODING", id="one digit"),
        pytest.param(b"/a%2/b", "BAD_ENCODING", id="one digit and a slash"),
        pytest.param(b"/%zz", "BAD_ENCODING", id="no digits"),
        pytest.param(b"/%+1", "BAD_ENCODING", id="sign"),
        pytest.param(b"/% 1", "BAD_ENCODING", id="blank in the escape"),
        pytest.param(b"/%0_", "BAD_ENCODING", id="underscore in the escape"),
        pytest.param(b"/%u002e", "BAD_ENCODING", id="escape of an old server"),
        pytest.param(b"/%%2e", "BAD_ENCODING", id="percent sign before an escape"),
        # Overlong forms (CVE-2000-0884, and every decade since): other bytes for a dot and a slash.
        pytest.param(b"/%c0%ae%c0%ae/admin", "BAD_ENCODING", id="overlong dots"),
        pytest.param(b"/%c0%af", "BAD_ENCODING", id="overlong slash"),
        pytest.param(b"/%e0%80%af", "BAD_ENCODING", id="overlong slash of three"),
        pytest.param(b"/%f0%80%80%af", "BAD_ENCODING", id="overlong slash of four"),
        pytest.param(b"/%c0%80", "BAD_ENCODING", id="overlong nul"),
        pytest.param(b"/%ed%a0%80", "BAD_ENCODING", id="surrogate"),
        pytest.param(b"/%ff", "BAD_ENCODING", id="no utf-8"),
        pytest.param(b"/caf%E9", "BAD_ENCODING", id="latin 1"),
        pytest.param(b"/%C3", "BAD_ENCODING", id="half a letter"),
        pytest.param(b"/%C3/%A9", "BAD_ENCODING", id="letter across segments"),
        pytest.param("/café".encode(), "BAD_ENCODING", id="letter that is not encoded"),
        pytest.param(b"/caf\xe9", "BAD_ENCODING", id="latin 1 that is not encoded"),
        pytest.param(b"/a b", "BAD_ENCODING", id="blank"),
        pytest.param(b"/a?b", "BAD_ENCODING", id="question mark"),
        pytest.param(b"/a#b", "BAD_ENCODING", id="hash"),
    ],
)
def test_paths_that_are_refused(path, reason):
    assert decide_path(path) == Deny(PathReason[reason])
    # The exit for encoded slashes opens nothing else.
    if b"%2f" not in path.lower():
        assert decide_path(path, allow_encoded_slash=True) == Deny(PathReason[reason])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(b"/files/a%2fb", ALLOW, id="slash in a value"),
        pytest.param(b"/files/a%2Fb%2fc", ALLOW, id="two of them"),
        pytest.param(b"/files/https:%2f%2fa.example", ALLOW, id="address as a value"),
        pytest.param(b"/files/a%2f", ALLOW, id="at the end"),
        pytest.param(b"/files/..%2fb", Deny(PathReason.DOT_SEGMENT), id="dots before it"),
        pytest.param(b"/files/a%2f..", Deny(PathReason.DOT_SEGMENT), id="dots behind it"),
        pytest.param(b"/files/a%2f%2e%2e%2fb", Deny(PathReason.DOT_SEGMENT), id="encoded dots between two"),
        pytest.param(b"/files/a%2f.%2fb", Deny(PathReason.DOT_SEGMENT), id="dot between two"),
        pytest.param(b"/files/a%2f..;%2fb", Deny(PathReason.DOT_SEGMENT), id="dots with parameter between two"),
        pytest.param(b"/files/a%5cb", Deny(PathReason.ENCODED_SLASH), id="encoded backslash"),
        pytest.param(b"/files/a%2f%00", Deny(PathReason.CONTROL), id="nul behind it"),
    ],
)
def test_a_route_may_take_encoded_slashes(path, expected):
    assert decide_path(path, allow_encoded_slash=True) == expected
    assert decide_path(path) != ALLOW


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "files"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "files-private").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a.txt", id="name"),
        pytest.param("inner/a.txt", id="name in a folder"),
        pytest.param("new/deep/a.txt", id="folder that does not exist"),
        pytest.param("..a", id="begins with two dots"),
        pytest.param("a..b", id="two dots inside"),
        pytest.param(".hidden", id="begins with a dot"),
        pytest.param("a b.txt", id="blank inside"),
        pytest.param("résumé.pdf", id="not ascii"),
        pytest.param("console.txt", id="begins like a device"),
        pytest.param("com10.txt", id="device number too high"),
        pytest.param("~a", id="tilde"),
        pytest.param("%2e%2e", id="nothing is decoded"),
        pytest.param("a" * 255, id="longest segment"),
    ],
)
def test_names_that_stay(root, name):
    assert join_under(root, name) == root.resolve() / name


@pytest.mark.asvs("V5.3.2")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="the folder itself"),
        pytest.param("inner/..", id="the folder itself by dots"),
        pytest.param("..", id="dots"),
        pytest.param("../secret.txt", id="out of it"),
        pytest.param("inner/../../secret.txt", id="in and out of it"),
        # CVE-2025-59682: as text, "/…/files-private" begins with "/…/files".
        pytest.param("../files-private/x", id="sibling with the same beginning"),
        pytest.param("inner/../a.txt", id="dots that stay inside"),
        pytest.param("./a.txt", id="dot segment"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("//host/share", id="UNC"),
        pytest.param("\\\\host\\share", id="UNC with backslashes"),
        pytest.param("..\\secret.txt", id="backslash"),
        pytest.param("C:\\a.txt", id="drive"),
        pytest.param("C:a.txt", id="drive without slash"),
        pytest.param("a.txt:stream", id="stream"),
        pytest.param("a.txt::$DATA", id="data stream"),
        pytest.param("inner//a.txt", id="empty segment"),
        pytest.param("inner/", id="trailing slash"),
        pytest.param("a\x00.txt", id="nul"),
        pytest.param("a\n.txt", id="line end"),
        pytest.param("a\x7f", id="delete"),
        pytest.param("a.txt.", id="trailing dot"),
        pytest.param("a.txt ", id="trailing blank"),
        pytest.param("...", id="dots only"),
        pytest.param("inner./a.txt", id="folder with trailing dot"),
        pytest.param("CON", id="device"),
        pytest.param("nul.txt", id="device with extension"),
        pytest.param("aux .txt", id="device with blank"),
        pytest.param("COM1", id="port"),
        pytest.param("lpt9.tar.gz", id="port with extensions"),
        pytest.param("com¹", id="port with superscript"),
        pytest.param("inner/prn", id="device in a folder"),
        pytest.param("a*b", id="wildcard"),
        pytest.param("a?b", id="question mark"),
        pytest.param('a"b', id="quote"),
        pytest.param("a|b", id="pipe"),
        pytest.param("<a>", id="angle brackets"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("a" * 256, id="segment too long"),
        pytest.param("é" * 128, id="segment too long in bytes"),
        pytest.param("a/" * 2048 + "a", id="path too long"),
        pytest.param("../" * 300_000, id="a million characters"),
    ],
)
def test_names_that_are_refused(root, name):
    with pytest.raises(UnsafePathError) as caught:
        join_under(root, name)
    assert caught.value.code == "unsafe_path"
    assert "secret" not in caught.value.detail


def test_links_lead_nowhere_else(root):
    (root / "link").symlink_to(root.parent)
    (root / "file").symlink_to(root.parent / "secret.txt")
    (root / "relative").symlink_to("../secret.txt")
    (root / "dangling").symlink_to("/nonexistent/x")
    for name in ("link/secret.txt", "file", "relative", "dangling", "link"):
        with pytest.raises(UnsafePathError):
            join_under(root, name)


def test_links_inside_are_followed(root):
    (root / "inner" / "a.txt").write_text("a")
    (root / "link").symlink_to("inner")
    assert join_under(root, "link/a.txt") == (root / "inner" / "a.txt").resolve()


def test_a_link_to_the_folder_itself_is_no_file(root):
    (root / "self").symlink_to(root)
    with pytest.raises(UnsafePathError):
        join_under(root, "self")


def test_a_circle_of_links_leads_nowhere(root):
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(UnsafePathError):
        join_under(root, "a")


def test_the_folder_may_be_a_link_and_relative(root, monkeypatch):
    (root.parent / "public").symlink_to(root)
    monkeypatch.chdir(root.parent)
    for folder in (root.parent / "public", root.relative_to(root.parent)):
        assert join_under(folder, "a.txt") == root.resolve() / "a.txt"
        assert os.fspath(folder)
