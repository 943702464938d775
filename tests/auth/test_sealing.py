"""What is sealed opens at its own place, with its key, unchanged; and nowhere else."""

import uuid

import pytest

from fastness.auth.sealing import MAX_BYTES, SealBrokenError, Sealer
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring

OLD = Secret("mG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu")
NEW = Secret("Tq4xV8nB2mK7cZ5wRj9fLh3sDp6gYa1e")
ROW = str(uuid.UUID(int=7))
PURPOSE = "fastness_totp.secret"


@pytest.fixture
def sealer():
    return Sealer(Keyring(OLD))


def test_what_was_sealed_opens(sealer):
    sealed = sealer.seal(PURPOSE, ROW, "hüsh")
    assert sealer.open(PURPOSE, ROW, sealed) == "hüsh"
    assert "hüsh" not in sealed


@pytest.mark.asvs("V11.3.4")
def test_equal_values_look_different(sealer):
    assert sealer.seal(PURPOSE, ROW, "hüsh") != sealer.seal(PURPOSE, ROW, "hüsh")


@pytest.mark.asvs("V11.3.3")
@pytest.mark.parametrize(
    ("purpose", "row"),
    [
        pytest.param(PURPOSE, str(uuid.UUID(int=8)), id="another-row"),
        pytest.param("fastness_totp.other", ROW, id="another-column"),
    ],
)
def test_a_value_does_not_open_elsewhere(sealer, purpose, row):
    with pytest.raises(SealBrokenError):
        sealer.open(purpose, row, sealer.seal(PURPOSE, ROW, "hüsh"))


@pytest.mark.asvs("V11.3.3")
@pytest.mark.parametrize("position", [3, 10, 25, -3])
def test_a_changed_value_does_not_open(sealer, position):
    sealed = list(sealer.seal(PURPOSE, ROW, "a secret of some length"))
    sealed[position] = "A" if sealed[position] != "A" else "B"
    with pytest.raises(SealBrokenError):
        sealer.open(PURPOSE, ROW, "".join(sealed))


@pytest.mark.asvs("V11.2.5")
@pytest.mark.parametrize(
    "text", ["", "v1.", "v1.AAAA", "v2.AAAA", "v1.=", "v1.é", "v1." + "A" * 40, "v1." + "A" * 300_000]
)
def test_what_was_never_sealed_does_not_open(sealer, text):
    with pytest.raises(SealBrokenError):
        sealer.open(PURPOSE, ROW, text)


@pytest.mark.asvs("V11.2.2")
def test_keys_rotate():
    sealed = Sealer(Keyring(OLD)).seal(PURPOSE, ROW, "hüsh")
    assert Sealer(Keyring(NEW, (OLD,))).open(PURPOSE, ROW, sealed) == "hüsh"
    with pytest.raises(SealBrokenError):
        Sealer(Keyring(NEW)).open(PURPOSE, ROW, sealed)


def test_the_key_is_of_this_purpose_alone():
    ring = Keyring(NEW, (OLD,))
    keys = ring.derive(PURPOSE)
    assert len(set(keys)) == 2
    assert {len(key) for key in keys} == {32}
    assert not {ring.mac(PURPOSE), ring.mac(PURPOSE, b"")} & set(keys)
    assert keys != ring.derive("another.purpose")


def test_what_is_too_large_is_not_sealed(sealer):
    with pytest.raises(ConfigError):
        sealer.seal(PURPOSE, ROW, "x" * (MAX_BYTES + 1))
