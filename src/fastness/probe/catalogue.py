"""All checks of the probe in the order they run, and every kind of finding they can make.

What the later ones look at is what the earlier ones have brought about: first what is asked politely, then what no browser sends,
then everything that was answered, and guesses at the very end, because whoever guesses has to wait afterwards.
"""

from typing import Final

from fastness.kernel.findings import Notice
from fastness.probe import (
    access,
    cookies,
    crosssite,
    errors,
    framing,
    headers,
    hosts,
    leftovers,
    methods,
    paths,
    proxies,
    redirects,
    signin,
    tls,
)
from fastness.probe.check import ProbeCheck

CHECKS: Final[tuple[tuple[str, ProbeCheck], ...]] = (
    ("certificate", tls.check_certificate),
    ("old TLS", tls.check_old_tls),
    ("plain http", tls.check_plain_http),
    ("rules of routes", access.check_rules),
    ("objects of others", access.check_objects),
    ("names of the site", hosts.check_hosts),
    ("forwarded names", hosts.check_forwarded_hosts),
    ("spoofed addresses", proxies.check_spoofed_addresses),
    ("spoofed schemes", proxies.check_spoofed_schemes),
    ("rewritten paths", proxies.check_rewritten_paths),
    ("other methods", methods.check_unknown_methods),
    ("overridden methods", methods.check_overridden_methods),
    ("HEAD", methods.check_head),
    ("spellings of paths", paths.check_spellings),
    ("files outside", paths.check_traversal),
    ("deceived caches", paths.check_deceived_caches),
    ("redirects", redirects.check_redirects),
    ("split headers", redirects.check_split_headers),
    ("reflections", errors.check_reflections),
    ("leftovers", leftovers.check_leftovers),
    ("shared origins", crosssite.check_sharing),
    ("sockets", crosssite.check_sockets),
    ("forged requests", crosssite.check_forged_requests),
    ("lengths", framing.check_lengths),
    ("sizes", framing.check_sizes),
    ("life of sessions", signin.check_sessions),
    ("accounts told apart", signin.check_accounts),
    ("guesses", signin.check_guesses),
    # These look at all that was seen.
    ("headers", headers.check_headers),
    ("cookies", cookies.check_cookies),
    ("caching", cookies.check_caching),
    ("HSTS", tls.check_hsts),
    ("errors", errors.check_errors),
)

NOTICES: Final[tuple[Notice, ...]] = (
    *headers.NOTICES,
    *cookies.NOTICES,
    *hosts.NOTICES,
    *proxies.NOTICES,
    *crosssite.NOTICES,
    *methods.NOTICES,
    *paths.NOTICES,
    *redirects.NOTICES,
    *errors.NOTICES,
    *leftovers.NOTICES,
    *access.NOTICES,
    *signin.NOTICES,
    *tls.NOTICES,
    *framing.NOTICES,
)

KNOWN_IDS: Final = frozenset(notice.id for notice in NOTICES)
"""What the probe can find."""
