"""What passes as a path has one meaning, also for who decodes, merges or resolves it; names stay in their folder."""

import posixpath
from pathlib import Path
from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.paths import UnsafePathError, decide_path, join_under
from fastness.kernel.verdicts import ALLOW

ROOT = Path("/nonexistent/files")
PIECES = st.sampled_from(
    [
        *(
            b"/",
            b"//",
            b".",
            b"..",
            b"...",
            b"\\",
            b";",
            b"%",
            b"%2",
            b"%2f",
            b"%2F",
            b"%5c",
            b"%2e",
            b"%2E",
            b"%25",
            b"%252e",
        ),
        *(
            b"%00",
            b"%0a",
            b"%7f",
            b"%c0%ae",
            b"%c0%af",
            b"%C3%A9",
            b"%C2%85",
            b"%C2%A0",
            b"%ff",
            b"%3b",
            b"%3B",
            b"%u002e",
        ),
        *(
            b"a",
            b"admin",
            b"static",
            b"~",
            b"?",
            b"#",
            b" ",
            b"\0",
            b"\n",
            b"\x7f",
            b"\xc3\xa9",
            b"\xff",
            b":",
            b"@",
            b"|",
        ),
    ]
)
PATHS = st.lists(PIECES, max_size=8).map(b"".join) | st.binary(max_size=30)
NAMES = st.lists(st.sampled_from([*"/\\.:~ \0\n", "..", "a", "CON", "é", "com1", "b.txt", "\ud800"]), max_size=8).map(
    "".join
)


@given(PATHS.map(lambda path: b"/" + path) | PATHS, st.booleans())
def test_an_accepted_path_has_one_meaning(path, allow_encoded_slash):
    if decide_path(path, allow_encoded_slash=allow_encoded_slash) is not ALLOW:
        return
    decoded = unquote_to_bytes(path).decode("utf-8")
    assert path.startswith(b"/")
    assert b"//" not in path
    assert "\\" not in decoded
    assert not any(character < " " or "\x7f" <= character < "\xa0" for character in decoded)
    # Resolving dots changes nothing, not even for who cuts parameters off first.
    for text in (decoded, "/".join(segment.partition(";")[0] for segment in decoded.split("/"))):
        assert not {".", ".."} & set(text.split("/"))
    if not allow_encoded_slash:
        assert decoded.count("/") == path.count(b"/")
        resolved = posixpath.normpath(decoded)
        assert decoded in {resolved, resolved + "/"}


@given(PATHS)
def test_the_exit_for_encoded_slashes_only_opens(path):
    assert decide_path(path) is not ALLOW or decide_path(path, allow_encoded_slash=True) is ALLOW


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4))
def test_encoded_text_is_accepted_unless_it_holds_what_is_named(segments):
    raw = b"/" + b"/".join(b"".join(b"%%%02x" % byte for byte in each.encode("utf-8", "replace")) for each in segments)
    texts = [each.encode("utf-8", "replace").decode() for each in segments]
    is_odd = any(
        "/" in text
        or "\\" in text
        or text.partition(";")[0] in {".", ".."}
        or any(character < " " or "\x7f" <= character < "\xa0" for character in text)
        for text in texts
    )
    assert (decide_path(raw) is ALLOW) == (not is_odd)


@given(NAMES | st.text(max_size=20))
def test_no_name_leaves_the_folder(name):
    try:
        path = join_under(ROOT, name)
    except UnsafePathError:
        return
    assert path == ROOT / name
    assert ROOT in path.parents
    assert ".." not in path.parts
