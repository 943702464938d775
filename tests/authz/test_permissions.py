"""Permissions are declared, documented, and nothing else."""

import pytest

from fastness.authz.permissions import (
    MAX_LENGTH,
    PermissionCatalogue,
    PermissionDeclarationError,
    Permissions,
    UnknownPermissionError,
)


class LedgerPermissions(Permissions):
    VIEW = "ledger.view", "May read the ledger."
    BOOK = "ledger.book", "May book an entry."


class ArchivePermissions(Permissions):
    OPEN = "archive.boxes.open", "May open a box."


def test_a_member_is_its_name_and_knows_what_it_is_for():
    held = frozenset({"ledger.view", LedgerPermissions.BOOK})
    assert "ledger.book" in held
    assert LedgerPermissions.VIEW in held
    assert f"{LedgerPermissions.BOOK}" == "ledger.book"
    assert LedgerPermissions.BOOK.documentation == "May book an entry."
    assert LedgerPermissions("ledger.book") is LedgerPermissions.BOOK


def test_the_catalogue_keeps_the_order_and_the_sentences():
    catalogue = PermissionCatalogue([LedgerPermissions, ArchivePermissions, LedgerPermissions])
    assert catalogue.names == ("ledger.view", "ledger.book", "archive.boxes.open")
    assert [*catalogue] == [*catalogue.names]
    assert len(catalogue) == 3
    assert catalogue.describe("ledger.view") == "May read the ledger."
    assert LedgerPermissions.VIEW in catalogue


def declare(**members):
    return Permissions("Declared", members)


def collect(*declared):
    return PermissionCatalogue(declared)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: declare(A=("ledger", "May.")), id="no-action"),
        pytest.param(lambda: declare(A=(".view", "May.")), id="no-part"),
        pytest.param(lambda: declare(A=("ledger.", "May.")), id="empty-action"),
        pytest.param(lambda: declare(A=("Ledger.view", "May.")), id="capital"),
        pytest.param(lambda: declare(A=("ledger.view ", "May.")), id="space"),
        pytest.param(lambda: declare(A=("ledger.view\n", "May.")), id="line-feed"),
        pytest.param(lambda: declare(A=("l\u0435dger.view", "May.")), id="cyrillic"),
        pytest.param(lambda: declare(A=("ledger\u2024view.all", "May.")), id="one-dot-leader"),
        pytest.param(lambda: declare(A=("ledger.view\u200b", "May.")), id="invisible"),
        pytest.param(lambda: declare(A=("ledger.*", "May.")), id="star"),
        pytest.param(lambda: declare(A=("ledger.\u0663", "May.")), id="arabic-digit"),
        pytest.param(lambda: declare(A=(f"ledger.{'v' * MAX_LENGTH}", "May.")), id="too-long"),
        pytest.param(lambda: declare(A=("ledger.view",)), id="no-sentence"),
        pytest.param(lambda: declare(A="ledger.view"), id="name-only"),
        pytest.param(lambda: declare(A=("ledger.view", "  ")), id="blank-sentence"),
        pytest.param(lambda: declare(A=("ledger.view", "May."), B=("ledger.view", "May too.")), id="twice-in-one"),
        pytest.param(
            lambda: PermissionCatalogue([LedgerPermissions, declare(A=("ledger.view", "Else."))]), id="twice-in-two"
        ),
        pytest.param(lambda: collect(str), id="no-enum"),
        pytest.param(lambda: collect(LedgerPermissions.VIEW), id="member"),
    ],
)
def test_a_declaration_that_cannot_be_right_is_refused(make):
    with pytest.raises(PermissionDeclarationError):
        make()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        pytest.param("ledger.veiw", "Did you mean 'ledger.view'", id="transposed"),
        pytest.param("ledger.View", "Did you mean 'ledger.view'", id="capital"),
        pytest.param("ledger.vi\u0435w", "Did you mean 'ledger.view'", id="cyrillic"),
        pytest.param("something.else", "permissions=[…]", id="nothing-near"),
        pytest.param("x" * 100_000, "permissions=[…]", id="long"),
    ],
)
def test_an_undeclared_name_is_refused_with_what_was_perhaps_meant(name, meant):
    catalogue = PermissionCatalogue([LedgerPermissions])
    assert name not in catalogue
    with pytest.raises(UnknownPermissionError) as caught:
        catalogue.check(name, where="The route '/book'")
    assert "/book" in str(caught.value)
    assert meant in str(caught.value)
    assert len(str(caught.value)) < 500
    with pytest.raises(UnknownPermissionError):
        catalogue.describe(name)
