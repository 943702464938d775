"""What the app's own code vouches for is found by name, with its line and its reason."""

import pytest

from fastness.checks.sources import vouched

PLAIN = 'SafeHTML.insecure_from(text, because=Because("made by our own renderer"))'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(PLAIN, [(1, "SafeHTML.insecure_from", "made by our own renderer")], id="call"),
        pytest.param(
            '\nvalues.SafeHTML.insecure_from(\n  text,\n  because=Because("made by our own renderer"),\n)',
            [(2, "values.SafeHTML.insecure_from", "made by our own renderer")],
            id="over-lines",
        ),
        pytest.param(
            'TrustedURL.insecure_from(a, because=Because("the payment provider"))',
            [(1, "TrustedURL.insecure_from", "the payment provider")],
            id="address",
        ),
        pytest.param(
            'WHY = Because("made by our own renderer")\nx = SafeHTML.insecure_from(text, because=WHY)',
            [(2, "SafeHTML.insecure_from", "made by our own renderer")],
            id="named-reason",
        ),
        pytest.param(
            'WHY: Final = Because("made by our own renderer")\nx = SafeHTML.insecure_from(text, because=WHY)',
            [(2, "SafeHTML.insecure_from", "made by our own renderer")],
            id="named-reason-with-a-type",
        ),
        pytest.param(
            "SafeHTML.insecure_from(text, because=reasons.WHY)",
            [(1, "SafeHTML.insecure_from", "reasons.WHY")],
            id="reason-from-elsewhere",
        ),
        pytest.param("SafeHTML.insecure_from(text)", [(1, "SafeHTML.insecure_from", "")], id="no-reason"),
        pytest.param("def f():\n  return Markup(f'<b>{x}</b>')", [(2, "Markup", "")], id="markup-of-a-value"),
        pytest.param("markupsafe.Markup(text)", [(1, "markupsafe.Markup", "")], id="markup-of-a-name"),
        pytest.param("Markup('<b>' + text)", [(1, "Markup", "")], id="markup-of-a-sum"),
        pytest.param("Markup('<b>{}</b>').format(text)", [], id="markup-of-a-text"),
        pytest.param("Markup()", [], id="markup-of-nothing"),
        pytest.param("# SafeHTML.insecure_from(x)\n'SafeHTML.insecure_from(x)'", [], id="comment-and-text"),
        pytest.param("sanitise(text)", [], id="sanitised"),
        pytest.param("def broken(:", [], id="not-python"),
        pytest.param("\0", [], id="not-text"),
    ],
)
def test_calls(tmp_path, source, expected):
    (tmp_path / "a.py").write_text(source)
    assert [(each.line, each.call, each.reason) for each in vouched([tmp_path])] == expected


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        pytest.param("a.py", True, id="beside"),
        pytest.param("deep/er/a.py", True, id="below"),
        pytest.param("tests/a.py", False, id="tests"),
        pytest.param(".hidden/a.py", False, id="hidden"),
        pytest.param("lib/site-packages/a.py", False, id="installed"),
        pytest.param("node_modules/x/a.py", False, id="node"),
        pytest.param("mine/a.py", False, id="environment-of-any-name"),
        pytest.param("a.txt", False, id="another-language"),
    ],
)
def test_whose_files(tmp_path, path, is_own):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PLAIN)
    assert [each.file for each in vouched([tmp_path, tmp_path])] == ([file] if is_own else [])


def test_a_single_file(tmp_path):
    file = tmp_path / "a.py"
    file.write_text(PLAIN)
    (tmp_path / "b.py").write_text(PLAIN)
    assert [each.file for each in vouched([file])] == [file]
