"""What the server is told."""

import os

import pytest

from fastness.cli.serving import MAX_CONNECTIONS, most_connections


@pytest.mark.parametrize(
    ("open_files", "connections"),
    [
        pytest.param(1024, 512, id="few"),
        pytest.param(1_000_000, MAX_CONNECTIONS, id="many"),
        pytest.param(-1, MAX_CONNECTIONS, id="any-number"),
    ],
)
def test_half_of_the_open_files_are_connections(monkeypatch, open_files, connections):
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_OPEN_MAX": open_files}[name])
    assert most_connections() == connections
