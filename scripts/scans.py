"""Lets scanners that others wrote loose on the demo over TLS and writes docs/security/scans.md. Run by hand.

    python -m venv TOOLS/venv && TOOLS/venv/bin/pip install wapiti3 sslyze
    npm install --prefix TOOLS --ignore-scripts csp_evaluator @mdn/mdn-http-observatory
    python -m scripts.scans TOOLS

sqlmap, node and openssl come from the system (Debian: apt-get install sqlmap nodejs openssl). Everything stays on this machine:
the demo listens on the loopback interface with a certificate of its own, and of wapiti's modules those are left out that ask a
server of its authors (ssrf, xxe, log4shell) or a list of theirs. Every tool has an end, and what was cut short is told.

A finding of medium severity or more that has no line in ANSWERS makes the exit code 1.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fastness.testing.browser import Browser
from fastness.testing.servers import free_port, running_server
from scripts.scanners import NAME, Result, Site, headers, sqlmap, sslyze, wapiti
from scripts.sqlmap_run import DEMO_USER

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "security" / "scans.md"
FASTNESS = (sys.executable, "-m", "fastness.cli")
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CSP = "content-security-policy"

ANSWERS: dict[str, str] = {
    "HTTP Strict Transport Security (HSTS)": "Not sent for localhost, where it would hold for every other app of the machine; "
    f"`{NAME}`, which the Observatory looked at, has it.",
}
"""What we say to a finding, by its title."""

HEAD = """# Scanners of others

What scanners that we did not write say of the demo, as `fastness serve` runs it in the production profile, over TLS.
This page is written by `python -m scripts.scans`; its docstring says what has to be installed.

RELAY is the same site through a port without TLS: sqlmap does not speak TLS 1.3, and the demo speaks nothing else.
That sqlmap finds what is there shows `python -m scripts.sqlmap_run`, which has an open page among its targets.
ORIGIN is `https://localhost` with a port, HOST the same without its scheme.
Each scanner has a time limit; what one cut short is told in its figures.

"""


def main() -> int:
    """Run all scanners, one after another, and write the page."""
    if len(sys.argv) != 2:
        print("usage: python -m scripts.scans TOOLS", file=sys.stderr)
        return 2
    tools = Path(sys.argv[1]).resolve()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="scans-") as name:
        folder = Path(name)
        scans = (
            lambda site: (sslyze(site, tools, folder),),
            lambda site: headers(site, tools, folder),
            lambda site: (wapiti(site, tools, folder, is_signed_in=False),),
            lambda site: (wapiti(site, tools, folder, is_signed_in=True),),
            lambda site: (sqlmap(site, tools, folder),),
        )
        for number, scan in enumerate(scans):
            # Each has a demo of its own: what one scanner wrote, or was held back for, is not the next one's.
            with served(folder / f"demo-{number}") as site:
                for result in scan(site):
                    results.append(result)
                    print(f"{result.tool} {result.version}: {result.figures}", *result.findings, sep="\n  ", flush=True)
    PAGE.write_text(page_of(results, datetime.now(UTC)), encoding="utf-8")
    return int(
        any(finding.is_grave and finding.title not in ANSWERS for result in results for finding in result.findings)
    )


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """The demo with its data, behind a certificate for localhost."""
    folder.mkdir()
    left_out = shutil.ignore_patterns("var", ".env", "__pycache__", ".*cache")
    casebook = Path(shutil.copytree(ROOT / "examples" / "casebook", folder / "casebook", ignore=left_out))
    authority, certificate, key = certified(folder)
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "FASTNESS_PROFILE": "production",
        "FASTNESS_HOSTS": f"localhost,{NAME}",
        "FASTNESS_SECRET_KEY": secrets.token_urlsafe(48),
        "FASTNESS_MAIL_BACKEND": "smtp",
        "FASTNESS_MAIL_HOST": "localhost",
        "FASTNESS_MAIL_SENDER": "demo@localhost.example",
    }
    for command, profile in (
        (["db", "upgrade"], "development"),
        (["demo", "--seed-only"], "development"),
        (["routes", "--matrix", "--write"], "production"),
    ):
        own = {**environ, "FASTNESS_PROFILE": profile}
        subprocess.run([*FASTNESS, *command], cwd=casebook, env=own, check=True, capture_output=True)
    port = free_port()
    files = ["--certfile", str(certificate), "--keyfile", str(key)]
    with running_server(
        [*FASTNESS, "serve", "--port", str(port), "--no-worker", *files], port=port, folder=casebook, environ=environ
    ):
        yield asyncio.run(visited(f"https://localhost:{port}", authority))


def certified(folder: Path) -> tuple[Path, Path, Path]:
    """An authority, a certificate of it for the demo's two names, and the certificate's key."""
    config = folder / "openssl.cnf"
    config.write_text("[req]\ndistinguished_name = name\n[name]\n", encoding="utf-8")
    issue(folder, "authority", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
    issue(
        folder,
        "certificate",
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=serverAuth",
        f"subjectAltName=DNS:localhost,DNS:{NAME}",
        issuer="authority",
    )
    return folder / "authority.pem", folder / "certificate.pem", folder / "certificate.key"


def issue(folder: Path, name: str, *extensions: str, issuer: str | None = None) -> None:
    """Make a certificate and its key; without an issuer it signs itself."""
    command = [
        "openssl",
        "req",
        "-config",
        str(folder / "openssl.cnf"),
        "-x509",
        "-newkey",
        "ec",
        "-nodes",
        "-days",
        "90",
    ]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={name} of the scans"]
    command += ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
    command += [part for extension in (*extensions, "subjectKeyIdentifier=hash") for part in ("-addext", extension)]
    if issuer:
        command += ["-CA", str(folder / f"{issuer}.pem"), "-CAkey", str(folder / f"{issuer}.key")]
        command += ["-addext", "authorityKeyIdentifier=keyid"]
    subprocess.run(command, check=True, capture_output=True)


async def visited(origin: str, authority: Path) -> Site:
    """Sign in as the demo's first person, and note the policies on the way."""
    trust = ssl.create_default_context(cafile=str(authority))
    async with Browser(origin, trust=trust, user_agent=AGENT) as browser:
        policies = {"the sign-in page": (await browser.open("/account/sign-in")).headers[CSP]}
        page = await browser.sign_in(*DEMO_USER)
        if page.status != 200 or "Deposit withheld" not in page.text:
            raise RuntimeError(f"nobody could sign in to the demo, or it lists nothing: {page.status}")
        policies["the list of cases"] = page.headers[CSP]
        policies["a page that is not there"] = (await browser.open("/nothing")).headers[CSP]
        policies["a style sheet"] = (await browser.open("/static/casebook.css")).headers[CSP]
        cookie = "; ".join(f"{name}={kept.value}" for name, kept in browser.cookies.items())
    return Site(origin=origin, authority=authority, cookie=cookie, agent=AGENT, policies=policies)


def page_of(results: list[Result], now: datetime) -> str:
    """The page."""
    grave = sum(finding.is_grave for result in results for finding in result.findings)
    lines = [
        f"Last run: {now:%Y-%m-%d}. Findings of medium severity or more: {grave}.\n",
        "| scanner | version | looked at | result | findings |",
        "|---|---|---|---|--:|",
        *(f"| {one.tool} | {one.version} | {one.looked_at} | {one.figures} | {len(one.findings)} |" for one in results),
        "\n## Commands\n",
        *(f"- `{command}`" for command in dict.fromkeys(one.command for one in results)),
    ]
    found = dict.fromkeys((one.tool, finding) for one in results for finding in one.findings)
    if found:
        lines += [
            "\n## Findings and answers\n",
            "| scanner | severity | finding | where | answer |",
            "|---|---|---|---|---|",
        ]
    lines += [
        f"| {tool} | {finding.severity} | {finding.title} | {finding.where} | {ANSWERS.get(finding.title, '')} |"
        for tool, finding in found
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
