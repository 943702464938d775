"""The scanners of scans.py: how each is called, for how long, and what is read from its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.sqlmap_run import DEMO_TARGETS, attack

NAME = "casebook.example"
"""The demo's other name, which only scans.mjs knows where to find: nothing is promised of localhost, HSTS for instance."""

MODULES = (
    "backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,ldap,methods,permanentxss,redirect,shellshock,sql,timesql,"
    "upload,xss"
)
# What would end the scan's own session or account.
LEFT_ALONE = ("sign-out", "data/close", "password", "devices/end", "devices/end-others", "email", "security/*")
LEVELS = {1: "low", 2: "medium", 3: "high", 4: "critical"}
CRAWL_SECONDS, MODULE_SECONDS, WAPITI_SECONDS, OTHER_SECONDS = 60, 20, 600, 180


@dataclass(frozen=True, kw_only=True)
class Site:
    """The running demo, and what somebody who is signed in sends."""

    origin: str
    authority: Path
    cookie: str
    agent: str
    policies: dict[str, str]
    """The content security policy of each kind of page."""

    @property
    def host(self) -> str:
        return self.origin.removeprefix("https://")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a scanner found fault with."""

    severity: str
    title: str
    where: str = ""

    @property
    def is_grave(self) -> bool:
        return self.severity in {"medium", "high", "critical"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a scanner did and said."""

    tool: str
    version: str
    command: str
    looked_at: str
    figures: str
    findings: tuple[Finding, ...] = ()


def wapiti(site: Site, tools: Path, folder: Path, *, is_signed_in: bool) -> Result:
    """Every page that links lead to, its parameters and forms."""
    out = folder / f"wapiti-{is_signed_in}.json"
    bounds = ["--max-scan-time", str(CRAWL_SECONDS), "--max-attack-time", str(MODULE_SECONDS), "--tasks", "4"]
    command = ["wapiti", "--url", f"{site.origin}/", "--scope", "domain", "--module", MODULES, *bounds]
    command += [
        "--start",
        f"{site.origin}/account/sign-in",
        "--verify-ssl",
        "0",
        "--flush-session",
        "--no-bugreport",
        "--format",
        "json",
    ]
    signed_in = []
    if is_signed_in:
        signed_in = ["--cookie-value", site.cookie, "--user-agent", site.agent, "--drop-set-cookie"]
        signed_in += [part for path in LEFT_ALONE for part in ("--exclude", f"{site.origin}/account/{path}")]
    said = run(
        [
            str(tools / "venv/bin/wapiti"),
            *command[1:],
            *signed_in,
            "--output",
            str(out),
            "--store-session",
            str(folder / "wapiti"),
        ],
        WAPITI_SECONDS,
        folder,
    )
    report = json.loads(out.read_text(encoding="utf-8"))
    findings = {
        Finding(
            severity=LEVELS[row["level"]],
            title=kind,
            where=f"{row['method']} {path_of(row['path'])} {row['parameter'] or ''}".strip(),
        )
        for part in ("vulnerabilities", "anomalies")
        for kind, rows in report[part].items()
        for row in rows
    }
    cut = re.findall(r"Max attack time was reached for module (\w+)", said)
    infos = report["infos"]
    return Result(
        tool="wapiti",
        version=str(infos["version"]).removeprefix("Wapiti "),
        command=shown(command, site),
        looked_at="the demo, signed in" if is_signed_in else "the demo, not signed in",
        figures=f"{infos['crawled_pages_nbr']} requests found by crawling, {len(MODULES.split(','))} modules; "
        + (f"cut short after {MODULE_SECONDS} s: {', '.join(sorted(set(cut)))}" if cut else "all ran to their end"),
        findings=tuple(sorted(findings, key=str)),
    )


def sqlmap(site: Site, _tools: Path, folder: Path) -> Result:
    """The list, its search and its JSON, for somebody who is signed in."""
    program = shutil.which("sqlmap") or "sqlmap"
    version = run([program, "--version"], OTHER_SECONDS, folder).strip().splitlines()[0]
    options = ("--cookie", site.cookie, "--user-agent", site.agent)
    outcomes = {}
    with relay(site) as port:
        for target in DEMO_TARGETS:
            address = f"/{target.name}?{target.query}"
            outcomes[address] = attack(program, f"http://localhost:{port}{address}", "SQLite", folder, *options)
    counts = Counter(outcome if len(outcome) < 40 else "no answer" for outcome in outcomes.values())
    return Result(
        tool="sqlmap",
        version=version.partition("#")[0],
        command="sqlmap --url RELAY/… --batch --dbms SQLite --level 3 --risk 2 --param-filter GET --cookie …",
        looked_at="the demo, signed in: " + ", ".join(f"`{address}`" for address in outcomes),
        figures=", ".join(f"{count} {outcome}" for outcome, count in counts.items()),
        findings=tuple(
            Finding(severity="critical" if outcome == "injectable" else "medium", title=outcome[:40], where=address)
            for address, outcome in outcomes.items()
            if outcome != "not injectable"
        ),
    )


@contextmanager
def relay(site: Site) -> Iterator[int]:
    """A port without TLS in front of the site: sqlmap does not speak TLS 1.3, and the site nothing else."""
    trust = ssl.create_default_context(cafile=str(site.authority))
    host, _, port = site.host.partition(":")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_connection(host, int(port), ssl=trust)
        await asyncio.gather(copy(reader, behind[1]), copy(behind[0], writer))

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(connect, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def sslyze(site: Site, tools: Path, folder: Path) -> Result:
    """The connection: versions, ciphers, known attacks, and Mozilla's list of what is modern enough."""
    out = folder / "sslyze.json"
    command = [
        "sslyze",
        "--json_out",
        str(out),
        "--mozilla_config",
        "intermediate",
        "--early_data",
        "--certinfo_ca_file",
    ]
    command += [str(site.authority), site.host]
    said = run([str(tools / "venv/bin/sslyze"), *command[1:]], OTHER_SECONDS, folder)
    report = json.loads(out.read_text(encoding="utf-8"))
    scan = report["server_scan_results"][0]["scan_result"]
    accepted = {
        name: len(scan[key]["result"]["accepted_cipher_suites"])
        for name, key in {
            "SSL 2.0": "ssl_2_0_cipher_suites",
            "SSL 3.0": "ssl_3_0_cipher_suites",
            "TLS 1.0": "tls_1_0_cipher_suites",
            "TLS 1.1": "tls_1_1_cipher_suites",
            "TLS 1.2": "tls_1_2_cipher_suites",
            "TLS 1.3": "tls_1_3_cipher_suites",
        }.items()
    }
    attacks = {
        "Heartbleed": scan["heartbleed"]["result"]["is_vulnerable_to_heartbleed"],
        "CCS injection": scan["openssl_ccs_injection"]["result"]["is_vulnerable_to_ccs_injection"],
        "ROBOT": not scan["robot"]["result"]["robot_result"].startswith("NOT_VULNERABLE"),
        "compression": scan["tls_compression"]["result"]["supports_compression"],
        "renegotiation by clients": scan["session_renegotiation"]["result"][
            "is_vulnerable_to_client_renegotiation_dos"
        ],
        "early data": scan["tls_1_3_early_data"]["result"]["supports_early_data"],
    }
    outside = re.findall(r"^ +\* (\w+: .+)$", said.partition("Not compliant")[2], re.MULTILINE)
    old = [name for name in ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1") if accepted[name]]
    failed = [name for name, entry in scan.items() if isinstance(entry, dict) and entry.get("status") == "ERROR"]
    return Result(
        tool="sslyze",
        version=report["sslyze_version"],
        command="sslyze --mozilla_config intermediate --early_data --certinfo_ca_file AUTHORITY HOST",
        looked_at="the certificate that `fastness serve` has",
        figures=", ".join(f"{name}: {count} ciphers" for name, count in accepted.items() if count)
        + f"; nothing older; {len(attacks) - sum(attacks.values())} of {len(attacks)} known attacks fail; "
        + ("as Mozilla recommends" if not outside else "not as Mozilla recommends"),
        findings=tuple(
            [Finding(severity="high", title=f"{name} is spoken") for name in old]
            + [Finding(severity="high", title=name) for name, is_open in attacks.items() if is_open]
            + [Finding(severity="medium", title="could not be looked at", where=name) for name in failed]
            + [Finding(severity="medium", title="not what Mozilla recommends", where=reason) for reason in outside]
        ),
    )


def headers(site: Site, tools: Path, folder: Path) -> tuple[Result, Result]:
    """csp_evaluator on the policies of four kinds of pages, and the analysers of the MDN HTTP Observatory."""
    # Its own lists are fetched when it is installed with scripts; here they are empty.
    conf = tools / "node_modules/@mdn/mdn-http-observatory/conf"
    for name in ("hsts-preload.json", "tld-list.json"):
        if not (conf / name).exists():
            (conf / name).write_text("{}", encoding="utf-8")
    script = Path(__file__).with_name("scans.mjs")
    command = ["node", str(script), str(tools), site.origin.replace("localhost", NAME), *site.policies.values()]
    said = json.loads(run(command, OTHER_SECONDS, folder, NODE_EXTRA_CA_CERTS=str(site.authority)).splitlines()[-1])
    weights = {"HIGH": "high", "SYNTAX": "high", "MEDIUM": "medium", "HIGH_MAYBE": "medium", "MEDIUM_MAYBE": "low"}
    policies = {
        Finding(
            severity=weights.get(row["severity"], "info"),
            title=row["text"],
            where=f"{row['where']} ({row['severity']})",
        )
        for rows in said["policies"]
        for row in rows
    }
    observatory = said["observatory"]
    tests = observatory["tests"]
    return (
        Result(
            tool="csp_evaluator",
            version=version_of(tools, "csp_evaluator"),
            command="node scripts/scans.mjs TOOLS ORIGIN POLICY…",
            looked_at="the policies of " + ", ".join(site.policies),
            figures=f"{len(site.policies)} policies, {len(policies)} remarks",
            findings=tuple(sorted(policies, key=str)),
        ),
        Result(
            tool="MDN HTTP Observatory",
            version=version_of(tools, "@mdn/mdn-http-observatory"),
            command="node scripts/scans.mjs TOOLS ORIGIN POLICY…",
            looked_at="the sign-in page",
            figures=f"grade {observatory['grade']}, {observatory['score']} points, "
            f"{sum(bool(row['pass']) for row in tests)} of {len(tests)} tests passed",
            findings=tuple(
                Finding(severity="medium" if row["modifier"] < 0 else "low", title=row["result"], where=row["name"])
                for row in tests
                if not row["pass"]
            ),
        ),
    )


def run(command: list[str], seconds: int, folder: Path, **environ: str) -> str:
    """What a program prints; raises if it is not done in time."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, cwd=folder, env=own)
    (folder / f"{Path(command[0]).name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    return done.stdout


def version_of(tools: Path, package: str) -> str:
    """The version of an npm package."""
    return str(json.loads((tools / "node_modules" / package / "package.json").read_text(encoding="utf-8"))["version"])


def path_of(path: str) -> str:
    """Without the query, in which the payload is."""
    return path.partition("?")[0]


def shown(command: list[str], site: Site) -> str:
    """A command as the page has it."""
    return " ".join(command).replace(site.origin, "ORIGIN").replace(site.host, "HOST")
