"""V5, files: uploads that are bombs, names that are paths, and ranges that multiply."""

import json
from pathlib import Path

import pytest

from tests.attacks.wire import chunked, request

TYPE = "Content-Type: multipart/form-data; boundary=x"
LOOSE_BYTES = 20_000_000
"""What Python and the server may hold on to after a large request; a body kept in memory would be two to five times that."""


def part(name, content=b"a", *headers, filename=None):
    disposition = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return b"--x\r\n" + "\r\n".join([disposition, *headers, "", ""]).encode() + content + b"\r\n"


END = b"--x--\r\n"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(TYPE, part("a") * 10_000 + END, id="10000-parts"),
        pytest.param(TYPE, part("a") * 1001 + END, id="one-field-too-many"),
        pytest.param(TYPE, part("a", filename="a.txt") * 21 + END, id="one-file-too-many"),
        pytest.param(TYPE, part("a", filename="") * 3000 + END, id="3000-empty-files"),
        pytest.param(TYPE, part("a", b"1", *["X-A: b"] * 100_000) + END, id="100000-part-headers"),
        pytest.param(TYPE, part("a", b"1", "X-A: " + "b" * 1_000_000) + END, id="a-megabyte-of-part-header"),
        pytest.param(TYPE, b"--x\r\n" + b"a" * 1_000_000, id="a-header-that-never-ends"),
        pytest.param(TYPE, part("a", b"1" * 1_100_000) + END, id="a-megabyte-of-text"),
        pytest.param(TYPE, b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n" + END, id="no-name"),
        pytest.param(TYPE, b"--x\r\n\r\n1\r\n" + END, id="no-headers"),
        pytest.param(TYPE, b"no boundary in here", id="no-boundary-in-the-body"),
        pytest.param(TYPE, part("a"), id="no-end"),
        pytest.param(TYPE, part("a", "é".encode("latin-1")) + END, id="value-in-latin-1"),
        pytest.param(TYPE, part("a").replace(b'"a"', b'"\xe9"') + END, id="name-in-latin-1"),
        pytest.param(TYPE, part("a", filename="b").replace(b'"b"', b'"\xe9"') + END, id="file-name-in-latin-1"),
        pytest.param("Content-Type: multipart/form-data", part("a") + END, id="no-boundary-in-the-type"),
        pytest.param(TYPE + "; charset=punycode", part("a", b"tda" + b"a" * 900_000) + END, id="punycode"),
        pytest.param(TYPE + "; charset=unicode_escape", part("a", b"\\x3cscript\\x3e") + END, id="unicode-escape"),
        pytest.param(TYPE + "; charset=utf-7", part("a", b"+ADw-script+AD4-") + END, id="utf-7"),
        pytest.param(TYPE + "; charset=undefined", part("a") + END, id="undefined-codec"),
        pytest.param(TYPE + "; charset=idna", part("a") + END, id="idna"),
    ],
)
def test_v5_2_1_v15_2_2_a_multipart_bomb(site, content_type, body):
    with site.records("input_validation_fail", "malformed_form"):
        answer = site.send(request("POST /upload", content_type, body=body))
    assert answer.status == 400


@pytest.mark.parametrize(
    ("opening", "name", "reason", "status"),
    [
        pytest.param(b"", "input_validation_fail", "malformed_form", 400, id="before"),
        pytest.param(part("a") + END, "excess_rate_limit_exceeded", "body_too_large", 413, id="behind"),
    ],
)
def test_v5_2_1_what_stands_outside_the_parts_counts_too(site, opening, name, reason, status):
    """CVE-2026-40347: a preamble or epilogue of any length."""
    pieces = chunked([opening or b"a", *(b"a" * 65_536 for _ in range(800)), b"\r\n", part("a") + END])
    with site.records(name, reason):
        answer = site.send(request("POST /upload", TYPE, "Transfer-Encoding: chunked"), more=pieces)
    assert answer.status == status


def test_v5_2_1_a_form_within_the_limits_is_read(site):
    body = part("title") + part("a", b"1", filename="a.txt") * 20 + END
    with site.records_nothing():
        answer = site.send(request("POST /upload", TYPE, body=body))
    assert answer.status == 200
    assert len(json.loads(answer.body)) == 21


def test_v5_2_1_each_of_several_files_in_one_field_is_seen(site):
    """CVE-2023-31047: only the last one was validated."""
    body = part("a", b"1", filename="first.txt") + part("a", b"22", filename="last.txt") + END
    answer = site.send(request("POST /upload", TYPE, body=body))
    assert json.loads(answer.body) == [["a", ["first.txt", 1]], ["a", ["last.txt", 2]]]


def test_v1_1_1_a_parts_transfer_encoding_is_not_decoded(site):
    """CVE-2026-33033: base64 with white space was decoded again and again. RFC 7578 §4.7 deprecates the header."""
    body = part("a", b" " * 900_000 + b"YWJj", "Content-Transfer-Encoding: base64") + END
    answer = site.send(request("POST /upload", TYPE, body=body))
    assert json.loads(answer.body) == [["a", " " * 900_000 + "YWJj"]]


def test_v5_3_2_a_files_name_opens_nothing(site):
    names = [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/etc/passwd",
        "\\\\host\\share",
        "a%00.png",
        "con",
        "a\u202egnp.exe",
    ]
    body = b"".join(part("a", b"1", filename=name) for name in names) + END
    before = sorted(site.folder.rglob("*"))
    answer = site.send(request("POST /upload", TYPE, body=body))
    assert answer.status == 200
    assert sorted(site.folder.rglob("*")) == before


def test_v5_2_1_a_large_file_is_on_the_disk_and_not_in_memory(site):
    """CVE-2026-5766: a file part without an announced length was kept in memory."""
    warm = part("a", b"1" * 3_000_000, filename="a.bin") + END
    assert site.send(request("POST /upload", TYPE, body=warm)).status == 200
    before = site.memory_bytes()
    opening = part("a", b"", filename="a.bin").removesuffix(b"\r\n")
    pieces = [opening, *(b"a" * 65_536 for _ in range(960)), b"\r\n" + END]
    answer = site.send(request("POST /upload/huge", TYPE, "Transfer-Encoding: chunked"), more=chunked(pieces))
    assert (answer.status, json.loads(answer.body)) == (200, [960 * 65_536])
    assert site.memory_bytes() - before < LOOSE_BYTES


def open_files(site) -> int:
    folders = [Path(f"/proc/{one}/fd") for one in site.process_ids()]
    return sum(len(list(folder.iterdir())) for folder in folders if folder.is_dir())


def test_v1_4_3_refused_uploads_leave_no_file_open(site):
    """CVE-2023-24580. Where the system has no /proc the count is 0 before and after."""
    large = part("a", b"1" * 1_100_000, filename="a.bin")
    refused = [
        large + part("b", b"1", filename="b") * 21 + END,
        large + b"--x\r\nbroken",
        large,
        large + part("b", b"1" * 1_100_000) + END,
    ]
    for body in refused:
        assert site.send(request("POST /upload", TYPE, body=body)).status == 400
    before = open_files(site)
    for body in refused * 5:
        assert site.send(request("POST /upload", TYPE, body=body)).status == 400
    # A few more for connections to the database that opened meanwhile; a leak would be thirty.
    assert open_files(site) < before + 10


# Static files.


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/static/.env", id="hidden-file"),
        pytest.param("/static/.git/config", id="hidden-folder"),
        pytest.param("/static/link.txt", id="link-out-of-the-folder"),
        pytest.param("/static/", id="the-folder"),
        pytest.param("/static/site.css/", id="file-as-a-folder"),
        pytest.param("/static/SITE.CSS", id="another-case"),
        pytest.param("/static/site.css%20", id="blank-behind"),
        pytest.param("/static/site.css.", id="stop-behind"),
        pytest.param("/static/site.css::$DATA", id="stream"),
        pytest.param("/static/~root", id="home"),
        pytest.param("/static/...", id="three-dots"),
        pytest.param("/log.jsonl", id="beside-the-folder"),
        pytest.param("/static/data.sqlite3", id="database"),
    ],
)
def test_v13_4_1_v13_4_3_v13_4_7_nothing_else_is_served(any_site, path):
    answer = any_site.send(request(f"GET {path}"))
    assert answer.status in {308, 404}
    assert b"SECRET" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/static/../log.jsonl",
        "/static/%2e%2e/log.jsonl",
        "/static/..%2flog.jsonl",
        "/static/..%5clog.jsonl",
        "/static/..\\log.jsonl",
        "/static//etc/passwd",
        "/static/%00",
        "/static/a%00.css",
    ],
)
def test_v5_3_2_a_path_does_not_lead_out_of_the_folder(any_site, path):
    with any_site.records("input_validation_fail"):
        assert any_site.send(request(f"GET {path}")).status == 400


# Ranges.

RANGES = [
    pytest.param("bytes=" + ",".join("0-0" for _ in range(5000)), id="5000-times-the-same"),
    pytest.param("bytes=" + ",".join(f"{n}-" for n in range(5000)), id="5000-to-the-end"),
    pytest.param("bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(3000)), id="3000-apart"),
    pytest.param("bytes=" + ",".join(f"-{n}" for n in range(1, 5000)), id="5000-from-the-end"),
    pytest.param("bytes=0-" + ",0-" * 5000, id="5000-whole-files"),
    pytest.param("bytes=" + "," * 20_000, id="commas"),
    pytest.param("bytes=" + "9" * 20_000 + "-", id="a-long-number"),
    pytest.param("bytes=5-1", id="backwards"),
    pytest.param("bytes=--1", id="two-signs"),
    pytest.param("lines=0-1", id="another-unit"),
    pytest.param("bytes=0-\u0661", id="arabic-digit"),
]


@pytest.mark.parametrize("ranges", RANGES)
def test_v15_2_2_ranges_of_a_static_file_are_not_served(any_site, ranges):
    answer = any_site.send(request("GET /static/site.css", f"Range: {ranges}"))
    assert answer.status == 200
    assert answer.body == b"body { color: black }\n"


@pytest.mark.parametrize("ranges", RANGES)
def test_v15_2_2_ranges_of_a_file_response_stay_small(any_site, ranges):
    """CVE-2025-62727: merging the ranges took quadratic time; answering overlapping ones multiplies the file."""
    whole = 256 * 4096
    before = any_site.memory_bytes()
    answer = any_site.send(request("GET /file", f"Range: {ranges}"))
    assert answer.status in {200, 206, 400, 416}
    assert len(answer.body) <= 2 * whole
    assert any_site.memory_bytes() - before < LOOSE_BYTES
    # The server is alive and has no long work left.
    assert any_site.send(request("GET /who")).status == 200
