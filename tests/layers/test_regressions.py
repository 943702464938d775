"""Every test that the page of regressions names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security" / "regressions.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[a-z0-9_/]+\.py)(?:::(\w+))?`", PAGE)))


def test_the_page_names_tests():
    assert len(NAMED) > 30


@pytest.mark.parametrize(("file", "name"), [pytest.param(*pair, id="::".join(filter(None, pair))) for pair in NAMED])
def test_a_named_test_is_there(file, name):
    source = (ROOT / file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(async )?def {name}\(", source, re.MULTILINE)


# Section → CVEs that it answers.
SECTIONS = {
    "SQL injection": (
        "2022-28346 2025-59681 2025-57833 2025-13372 2026-1287 2026-1312 2025-64459 2024-42005 2024-53908 2026-1207 2022-34265 "
        "2022-28347"
    ),
    "Objects and mass assignment": "2026-4277 2026-4292 2026-87975 2026-15920 2026-15307",
    "Body, uploads and headers": (
        "2026-33034 2026-5766 2026-33033 2026-108147 2023-24580 2025-14550 2026-84429 2023-31047 2026-3902 2026-48710 2026-54282 "
        "2026-54283 2026-48818 2025-62727 2025-54121 2024-47874 2024-24762 2024-53981 2026-24486 2026-40347 2026-42561 2026-53537"
    ),
    "Sign-in and passwords": "2024-39329 2025-13473 2026-113733 2024-45231 2019-19844 2026-6873",
    "Shared caches and private data": "2026-35192 2026-6907 2026-48587 2026-8404 2026-35193 2026-48588 2026-113593",
    "Headers, logs, mail, files and addresses": (
        "2025-48432 2026-111211 2026-53878 2026-7666 2024-39330 2025-59682 2026-25674 2026-15307 2026-87890 2026-111362 "
        "2026-114582 2026-53877 2026-15830"
    ),
    "Slow helpers": (
        "2023-23969 2024-39614 2026-15337 2026-77050 2023-36053 2023-41164 2023-43665 2024-27351 2026-1285 2023-46695 2025-27556 "
        "2025-64458 2026-25673 2024-24680 2024-41989 2024-38875 2024-41990 2024-41991 2024-45230 2024-53907 2025-32873 "
        "2024-56374 2025-26699 2025-64460"
    ),
}


@pytest.mark.parametrize("section", SECTIONS)
def test_no_row_is_missing(section):
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert [cve for cve in SECTIONS[section].split() if cve not in text] == []
