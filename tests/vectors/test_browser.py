"""The judge over redirect targets agrees with the facts."""

import pytest

from tests.vectors.browser import destination
from tests.vectors.whatwg import BASE, PLAIN_BASE, PLAIN_TARGETS, TARGETS


@pytest.mark.parametrize(
    ("target", "base", "scheme", "host"),
    [pytest.param(target, BASE, scheme, host, id=f"https {target!r}") for target, scheme, host in TARGETS]
    + [pytest.param(target, PLAIN_BASE, scheme, host, id=f"http {target!r}") for target, scheme, host in PLAIN_TARGETS],
)
def test_the_judge_agrees_with_the_standard(target, base, scheme, host):
    ours = destination(target, base)
    if host is None or host.startswith(("127.", "[")):
        # The browser goes nowhere, or to an address, whose spellings the judge does not know: any host will do but ours.
        assert ours[1] != "good.example"
    elif scheme in {"http", "https", "ws", "wss", "ftp"}:
        assert ours == (scheme, host)
    else:
        assert ours[0] == scheme
