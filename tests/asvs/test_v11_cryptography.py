"""V11, cryptography: which primitives are used, with which parameters, and where chance comes from.

Much of it is said of the source: a scan finds what a run would have to meet.
"""

import ast
import hashlib
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from fastness.auth.password_rules import OWASP_LEAST_MEMORY_KIB, PasswordRules
from fastness.auth.passwords import PasswordHasher
from fastness.auth.recovery import new_codes
from fastness.auth.sealing import SealBrokenError, Sealer
from fastness.auth.totp import SECRET_BYTES, new_secret
from fastness.kernel.errors import ConfigError, FastnessError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.tokens import hash_token, nonce, random_id, random_token
from tests.asvs import source
from tests.ready_made import CHEAP_PASSWORDS

KEY = Secret("k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU")
OTHER = Secret("U3eAfP5gJsH8dYc0WnT4bRv7ZmL2qX9k")
PURPOSE = "fastness_totp.secret"
ROW = "7"
# The audit reads other people's programs; the names of weak things are its subject. The template is somebody's program.
NOT_OURS = ("audit/", "cli/project/", "testing/")
TREES = {name: tree for name, tree in source.TREES.items() if not name.startswith(NOT_OURS)}

CRYPTOGRAPHIC = re.compile(
    r"^(cryptography|argon2|bcrypt|webauthn|Crypto|Cryptodome|nacl|jwt|jose|authlib|passlib|rsa|ecdsa|pyaes|itsdangerous|pyotp)\b"
)


@cache
def imports() -> list[tuple[str, str]]:
    """Each file with each module that it imports, and each name out of one."""
    return [(name, module) for name, module in source.imports() if name in TREES]


def test_v11_2_1_v11_3_2_the_ciphers_and_hashes_are_those_of_known_libraries():
    found = {module for _, module in imports() if CRYPTOGRAPHIC.match(module)}
    assert {module.partition(".")[0] for module in found} <= {"cryptography", "argon2", "bcrypt", "webauthn"}
    assert {module for module in found if module.startswith("cryptography.")} == {
        "cryptography.exceptions.InvalidTag",
        "cryptography.hazmat.primitives.ciphers.aead.AESGCM",
    }


def test_v11_3_1_v11_3_5_no_mode_no_padding_and_no_mac_is_put_together_by_hand():
    """Whoever has neither a bare cipher nor a mode can choose no wrong order of encryption and MAC."""
    wanted = re.compile(
        r"\b(ECB|CBC|CTR|OFB|CFB|PKCS1v15|PKCS7|Cipher|modes|padding\.|ARC4|TripleDES|Blowfish|Fernet)\b"
    )
    found = [(name, node) for name, tree in TREES.items() for node in names_in(tree) if wanted.fullmatch(node)]
    assert found == []


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every name that code uses; not what is written in texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]


def test_v11_2_2_everything_that_lasts_says_its_version_and_is_read_after_a_change():
    old, new = Keyring(KEY), Keyring(OTHER, (KEY,))
    signed, sealed = old.sign("reset", b"ada"), Sealer(old).seal(PURPOSE, ROW, "hush")
    hashed = PasswordHasher(CHEAP_PASSWORDS).hash("correct horse battery")
    assert (signed[:3], sealed[:3], hashed[:10]) == ("v1.", "v1.", "$argon2id$")
    assert new.verify("reset", signed, now=0) == b"ada"
    assert Sealer(new).open(PURPOSE, ROW, sealed) == "hush"
    stronger = PasswordHasher(PasswordRules(memory_kib=8_192, time_cost=5))
    assert stronger.verify(hashed, "correct horse battery")
    assert stronger.needs_update(hashed)


def test_v11_2_3_nothing_is_below_128_bits():
    ring = Keyring(KEY)
    bits = {
        "MAC": len(ring.mac("purpose")),
        "cipher's key": len(ring.derive(PURPOSE)[0]),
        "stored digest": len(hash_token("x")),
        "token": len(random_token()) * 6 // 8,
        "nonce of a page": len(nonce()) * 6 // 8,
        "shared secret": SECRET_BYTES,
    }
    assert {name: size * 8 for name, size in bits.items() if size * 8 < 128} == {}
    assert (bits["MAC"], bits["cipher's key"], bits["stored digest"]) == (32, 32, 32)
    with pytest.raises(ConfigError):
        Keyring(Secret("k9Xq2LmZ7vRb4Tn"))
    with pytest.raises(ConfigError):
        random_token(15)


COMPARED = re.compile(r"(\bmac|digest|signature|token|secret|otp|password|hash|nonce|code_at\(.*\)|pepper)$")
# What is compared with ==: by `Secret`, whose == is constant-time; by the database, as digests of long random values; where a
# visitor chose neither side; or a request of theirs with an earlier one of theirs.
PLAIN = {
    ("auth/answers.py", "known.digest != named.digest"),
    ("web/debug.py", "site.debug_token == Secret(token)"),
    ("web/debugtoken.py", "token != Secret(given.strip() or '-')"),
    ("auth/factorproofs.py", "RecoveryCode.code_hash == code_hash"),
    ("auth/links.py", "OneTimeLink.token_hash == key"),
    ("auth/login.py", "user.password_hash != found.password_hash"),
    ("accounts/devices.py", "one.id_hash == own"),
    ("sessions/recordstore.py", "id_hash != except_hash"),
}


def test_v11_2_4_what_proves_something_is_compared_in_constant_time():
    for file, call in (
        ("kernel/signing.py", "compare_digest"),
        ("kernel/csrf.py", "check_mac"),
        ("kernel/secret.py", "compare_digest"),
        ("auth/totp.py", "hmac.compare_digest"),
        ("auth/links.py", "hmac.compare_digest"),
        ("auth/tokens.py", "hmac.compare_digest"),
    ):
        calls = [ast.unparse(node.func) for node in ast.walk(TREES[file]) if isinstance(node, ast.Call)]
        assert [one for one in calls if one.endswith(call)], file
    found = {
        (name, ast.unparse(node))
        for name in TREES
        if name.startswith(("kernel/", "auth/", "sessions/", "web/", "accounts/", "stores/", "auditlog/"))
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Compare) and is_about_a_secret(node)
    }
    assert found <= PLAIN


def is_about_a_secret(node: ast.Compare) -> bool:
    if not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return False
    sides = [ast.unparse(side) for side in (node.left, node.comparators[0])]
    return any(COMPARED.search(side.lower()) for side in sides) and not any(side.isupper() for side in sides)


@pytest.mark.parametrize("length", [0, 1, 5, 40, 300_000])
def test_v11_2_5_every_way_of_not_opening_looks_the_same(length):
    sealer = Sealer(Keyring(KEY))
    sealed = sealer.seal(PURPOSE, ROW, "hush")
    broken = [
        "A" * length,
        "v1." + "A" * length,
        "v1.é" + "A" * length,
        "v1.=" + "A" * length,
        sealed[:-4] + "AAAA",
        sealed[:10] + ("A" if sealed[10] != "A" else "B") + sealed[11:],
        Sealer(Keyring(OTHER)).seal(PURPOSE, ROW, "hush"),
        sealer.seal(PURPOSE, "8", "hush"),
        sealer.seal("another.purpose", ROW, "hush"),
    ]
    seen = set()
    for text in broken:
        with pytest.raises(FastnessError) as error:
            sealer.open(PURPOSE, ROW, text)
        seen.add((type(error.value), error.value.code, error.value.status, error.value.public))
    assert {kind for kind, *_ in seen} == {SealBrokenError}
    assert len(seen) == 1


def test_v11_3_3_what_is_sealed_is_bound_to_its_bytes_and_its_place():
    sealer = Sealer(Keyring(KEY))
    sealed = sealer.seal(PURPOSE, ROW, "hush")
    for place in range(3, len(sealed) - 2):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(SealBrokenError):
            sealer.open(PURPOSE, ROW, changed)
    for purpose, row in ((PURPOSE, "8"), ("fastness_totp.other", ROW)):
        with pytest.raises(SealBrokenError):
            sealer.open(purpose, row, sealed)


def test_v11_3_4_no_nonce_comes_twice_under_one_key():
    sealer = Sealer(Keyring(KEY))
    assert len({sealer.seal(PURPOSE, ROW, "")[:19] for _ in range(20_000)}) == 20_000
    keys = [Keyring(KEY).derive(purpose)[0] for purpose in (PURPOSE, "fastness.session.totp", "fastness_outbox.mail")]
    assert len(set(keys)) == 3


# Who may name a broken hash function: protocols that prescribe it, and formats that are read once.
BROKEN = {
    ("auth/totp.py", "sha1"),  # RFC 6238, inside HMAC
    ("auth/breachlookup.py", "sha1"),  # the look-up's protocol; of what is compared and not of what is kept
    ("auth/djangohashes.py", "pbkdf2_sha1"),  # formats of imported hashes, verified once and replaced
    ("auth/djangohashes.py", "sha1"),
    ("auth/djangohashes.py", "md5"),
    ("auth/token_rules.py", "crc32"),  # tells secret scanners a token from a text that looks like one; proves nothing
}


def test_v11_4_1_no_broken_hash_function_is_used():
    broken = re.compile(r"(pbkdf2_)?(md[245]|sha_?1|ripemd\w*|crc32|adler32)", re.IGNORECASE)
    found = {
        (name, word)
        for name, tree in TREES.items()
        for word in (*names_in(tree), *texts_in(tree))
        if broken.fullmatch(word)
    }
    assert found <= BROKEN


def texts_in(tree: ast.AST) -> Iterator[str]:
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_v11_4_1_signing_sealing_and_storing_work_without_them(monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a broken hash function was called")

    for name in ("md5", "sha1", "new"):
        monkeypatch.setattr(hashlib, name, refused)
    ring = Keyring(KEY)
    assert ring.verify("reset", ring.sign("reset", b"ada"), now=0) == b"ada"
    assert Sealer(ring).open(PURPOSE, ROW, Sealer(ring).seal(PURPOSE, ROW, "hush")) == "hush"
    hasher = PasswordHasher(CHEAP_PASSWORDS)
    assert hasher.verify(hasher.hash("correct horse battery"), "correct horse battery")


def test_v11_4_2_a_stored_hash_has_the_parameters_of_today():
    encoded = PasswordHasher().hash("correct horse battery")
    kind, version, parameters = encoded.split("$")[1:4]
    numbers = {name: int(value) for name, value in (part.split("=") for part in parameters.split(","))}
    assert (kind, version) == ("argon2id", "v=19")
    assert any(numbers["m"] >= kib and numbers["t"] >= passes for passes, kib in OWASP_LEAST_MEMORY_KIB)
    # OWASP's rows are equally strong; a table that was watered down is none.
    assert OWASP_LEAST_MEMORY_KIB[:2] == ((1, 47_104), (2, 19_456))


@pytest.mark.parametrize(
    "key", ["correct horse battery staple", "password" * 8, "a" * 64, "changeme-changeme-changeme-changeme"]
)
def test_v11_4_4_no_key_is_made_of_what_somebody_typed(key):
    with pytest.raises(ConfigError):
        Keyring(Secret(key))


def test_v11_5_1_chance_comes_from_the_operating_system():
    """`random` is imported nowhere; a UUID is a name and never a proof, and made in one place."""
    assert [(name, module) for name, module in imports() if module.partition(".")[0] == "random"] == []
    makers = {(name, module) for name, module in imports() if re.fullmatch(r"uuid\.uuid[1345678]", module)}
    assert makers == {("kernel/tokens.py", "uuid.uuid4")}
    assert random_id().version == 4


def test_v11_5_1_what_is_drawn_has_128_bits_and_does_not_follow_from_a_seed():
    drawn = []
    for _ in range(2):
        random.seed(7)
        drawn.append((random_token(), nonce(), new_codes(1), new_secret()))
    assert not set(map(str, drawn[0])) & set(map(str, drawn[1]))
    assert len(random_token()) * 6 >= 256


def test_v11_5_2_many_who_draw_at_once_draw_different_values():
    with ThreadPoolExecutor(8) as pool:
        drawn = [
            token for batch in pool.map(lambda _: [random_token() for _ in range(2_000)], range(8)) for token in batch
        ]
    assert len(set(drawn)) == 16_000
