import hashlib
import hmac
import threading
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest

from fastness.kernel.errors import ConfigError, TamperedError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import (
    MAX_CACHED_PURPOSES,
    MAX_EXPIRES_AT,
    MAX_PAYLOAD_BYTES,
    MAX_PURPOSE_LENGTH,
    MAX_TOKEN_LENGTH,
    BadSignatureError,
    ExpiredTokenError,
    Keyring,
)

FIRST = Secret("k9Xq2LmZ7vRb4TnW0cYd8HsJ5gPf3AeU")
SECOND = Secret("U3eAfP5gJsH8dYc0WnT4bRv7ZmL2qX9k")
THIRD = Secret("m4Zr8PwS1kQv6XnB9tLy3HcJ7gDf0AeU")
NOW = 1_900_000_000.0


@pytest.fixture
def keyring():
    return Keyring(FIRST)


class TestMac:
    @pytest.mark.asvs("V11.4.1", "V11.4.3")
    def test_is_hmac_sha256_over_the_joined_parts_with_a_derived_key(self, keyring):
        # Written out by hand: changing the derivation signs every user out, so it must not happen by accident.
        def prefixed(*parts):
            return b"".join(len(part).to_bytes(8, "big") + part for part in parts)

        key = hmac.digest(FIRST.reveal_bytes(), prefixed(b"fastness", b"v1", b"mac", b"test"), hashlib.sha256)
        expected = hmac.digest(key, prefixed(b"one", b"", b"three"), hashlib.sha256)
        assert keyring.mac("test", b"one", b"", b"three") == expected
        assert len(expected) == 32

    def test_is_the_same_each_time(self, keyring):
        assert keyring.mac("test", b"a") == keyring.mac("test", b"a") == Keyring(FIRST).mac("test", b"a")

    @pytest.mark.parametrize(
        ("purpose", "parts"),
        [
            pytest.param("test", (b"ab", b"c"), id="divided elsewhere"),
            pytest.param("test", (b"abc",), id="not divided"),
            pytest.param("test", (b"a", b"bc", b""), id="an empty part after"),
            pytest.param("test", (b"", b"a", b"bc"), id="an empty part before"),
            pytest.param("test", (b"bc", b"a"), id="order"),
            pytest.param("test", (b"a", b"bd"), id="last byte"),
            pytest.param("test", (), id="no parts"),
            pytest.param("test2", (b"a", b"bc"), id="another purpose"),
            pytest.param("tes", (b"ta", b"bc"), id="purpose and part divided elsewhere"),
            pytest.param("test", (b"a", b"\x00" * 7 + b"\x02bc"), id="a length inside a part"),
        ],
    )
    def test_differs_for_anything_else(self, keyring, purpose, parts):
        digest = keyring.mac("test", b"a", b"bc")
        assert keyring.mac(purpose, *parts) != digest
        assert keyring.check_mac("test", digest, b"a", b"bc") is True
        assert keyring.check_mac(purpose, digest, *parts) is False

    def test_differs_for_another_key(self, keyring):
        assert keyring.mac("test", b"a") != Keyring(SECOND).mac("test", b"a")

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda digest: digest[:-1], id="cut"),
            pytest.param(lambda digest: digest + b"\x00", id="longer"),
            pytest.param(lambda digest: b"", id="empty"),
            pytest.param(lambda digest: bytes(32), id="zeros"),
            pytest.param(lambda digest: bytes([digest[0] ^ 1]) + digest[1:], id="first bit"),
            pytest.param(lambda digest: digest[:-1] + bytes([digest[-1] ^ 0x80]), id="last byte"),
        ],
    )
    def test_check_refuses_another_digest(self, keyring, change):
        digest = keyring.mac("test", b"a")
        assert keyring.check_mac("test", digest, b"a") is True
        assert keyring.check_mac("test", change(digest), b"a") is False

    def test_a_part_of_any_length_is_bound(self, keyring):
        long = b"x" * 70_000
        digest = keyring.mac("test", long)
        assert keyring.check_mac("test", digest, long) is True
        assert keyring.check_mac("test", digest, long[:-1]) is False


class TestRotation:
    @pytest.mark.asvs("V11.2.2")
    def test_the_current_key_signs_and_previous_keys_are_believed(self):
        old = Keyring(FIRST)
        new = Keyring(SECOND, previous=(THIRD, FIRST))
        digest, token = old.mac("test", b"a"), old.sign("test", b"a")
        assert new.check_mac("test", digest, b"a") is True
        assert new.check_mac("test", new.mac("test", b"a"), b"a") is True
        assert new.check_mac("test", Keyring(THIRD).mac("test", b"a"), b"a") is True
        assert new.verify("test", token, now=NOW) == b"a"
        assert new.mac("test", b"a") == Keyring(SECOND).mac("test", b"a")
        assert Keyring(SECOND).verify("test", new.sign("test", b"a"), now=NOW) == b"a"

    def test_a_key_that_left_the_ring_is_not_believed(self):
        old = Keyring(FIRST)
        new = Keyring(SECOND, previous=(THIRD,))
        assert new.check_mac("test", old.mac("test", b"a"), b"a") is False
        with pytest.raises(BadSignatureError):
            new.verify("test", old.sign("test", b"a"), now=NOW)

    def test_a_previous_key_counts_for_its_own_purpose_and_parts_only(self):
        new = Keyring(SECOND, previous=(FIRST,))
        digest = Keyring(FIRST).mac("test", b"a")
        assert new.check_mac("other", digest, b"a") is False
        assert new.check_mac("test", digest, b"b") is False

    @pytest.mark.parametrize(
        "weak", [pytest.param(Secret("short"), id="short"), pytest.param(Secret("a" * 40), id="same")]
    )
    def test_weak_keys_are_refused_in_each_place(self, weak):
        with pytest.raises(ConfigError):
            Keyring(weak)
        with pytest.raises(ConfigError):
            Keyring(FIRST, previous=(SECOND, weak))

    def test_keys_may_be_bytes(self):
        key = Secret(bytes(range(100, 132)))
        assert Keyring(key).verify("test", Keyring(key).sign("test", b"a"), now=NOW) == b"a"

    def test_the_repr_shows_no_key(self):
        shown = repr(Keyring(FIRST, previous=(SECOND,)))
        assert FIRST.reveal() not in shown
        assert SECOND.reveal() not in shown
        assert "1 previous" in shown


class TestSign:
    @pytest.mark.parametrize(
        "payload",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"a", id="one byte"),
            pytest.param(b"ab", id="two bytes"),
            pytest.param(b"abc", id="three bytes"),
            pytest.param(b"abcdefg", id="seven bytes"),
            pytest.param(bytes(range(256)), id="every byte"),
            pytest.param(b".v1..", id="dots"),
            pytest.param(b"\xff" * MAX_PAYLOAD_BYTES, id="the longest"),
        ],
    )
    @pytest.mark.parametrize("expires_at", [None, int(NOW) + 1, MAX_EXPIRES_AT])
    def test_what_was_signed_comes_back(self, keyring, payload, expires_at):
        token = keyring.sign("test", payload, expires_at=expires_at)
        assert keyring.verify("test", token, now=NOW) == payload
        assert token.startswith("v1.")
        assert token.count(".") == 3
        # Fits in URLs, cookies and form fields without any escaping.
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")

    def test_a_payload_over_the_limit_is_refused(self, keyring):
        with pytest.raises(ConfigError):
            keyring.sign("test", b"x" * (MAX_PAYLOAD_BYTES + 1))

    @pytest.mark.asvs("V9.2.1")
    @pytest.mark.parametrize(
        ("now", "is_valid"),
        [
            pytest.param(0.0, True, id="long before"),
            pytest.param(999.999, True, id="just before"),
            pytest.param(1000.0, False, id="on the second"),
            pytest.param(1000.001, False, id="just after"),
            pytest.param(float("inf"), False, id="for ever after"),
            pytest.param(float("nan"), False, id="a clock that tells nothing"),
        ],
    )
    def test_expiry(self, keyring, now, is_valid):
        token = keyring.sign("test", b"a", expires_at=1000)
        if is_valid:
            assert keyring.verify("test", token, now=now) == b"a"
        else:
            with pytest.raises(ExpiredTokenError):
                keyring.verify("test", token, now=now)

    def test_an_expiry_of_zero_is_not_no_expiry(self, keyring):
        with pytest.raises(ExpiredTokenError):
            keyring.verify("test", keyring.sign("test", b"a", expires_at=0), now=NOW)

    def test_the_last_expiry_is_the_last_second_a_datetime_holds(self):
        assert datetime.fromtimestamp(MAX_EXPIRES_AT, UTC) == datetime.max.replace(microsecond=0, tzinfo=UTC)

    @pytest.mark.parametrize("expires_at", [-1, MAX_EXPIRES_AT + 1])
    def test_impossible_expiries_are_refused(self, keyring, expires_at):
        with pytest.raises(ConfigError):
            keyring.sign("test", b"a", expires_at=expires_at)

    def test_expired_and_forged_are_both_tampered(self):
        assert issubclass(ExpiredTokenError, TamperedError)
        assert issubclass(BadSignatureError, TamperedError)
        assert not issubclass(ExpiredTokenError, BadSignatureError)

    def test_an_expired_forgery_is_a_forgery(self, keyring):
        token = Keyring(SECOND).sign("test", b"a", expires_at=1)
        with pytest.raises(BadSignatureError):
            keyring.verify("test", token, now=NOW)

    @pytest.mark.asvs("V9.1.1")
    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda token: "", id="empty"),
            pytest.param(lambda token: "...", id="dots"),
            pytest.param(lambda token: token[:-1], id="cut"),
            pytest.param(lambda token: token + "A", id="longer"),
            pytest.param(lambda token: token + "=", id="padded"),
            pytest.param(lambda token: token + "\n", id="newline"),
            pytest.param(lambda token: " " + token, id="space"),
            pytest.param(lambda token: token.rpartition(".")[0], id="without signature"),
            pytest.param(lambda token: token.rpartition(".")[0] + ".", id="empty signature"),
            pytest.param(lambda token: "v2" + token[2:], id="another version"),
            pytest.param(lambda token: token[2:], id="no version"),
            pytest.param(lambda token: token.replace("YWI", "YWM"), id="another payload"),
            pytest.param(lambda token: token.replace("YWI", "YWJ"), id="stray bits in the payload"),
            pytest.param(lambda token: token.replace("YWI", "YWI="), id="padded payload"),
            pytest.param(lambda token: token.replace(".2000000000.", ".2000000001."), id="a second longer"),
            pytest.param(lambda token: token.replace(".2000000000.", "."), id="expiry taken out"),
            pytest.param(lambda token: token.replace(".2000000000.", ".."), id="expiry emptied"),
            pytest.param(lambda token: token.replace(".2000000000.", ".+2000000000."), id="plus"),
            pytest.param(lambda token: token.replace(".2000000000.", ".02000000000."), id="leading zero"),
            pytest.param(lambda token: token.replace(".2000000000.", "._2000000000."), id="underscore"),
            pytest.param(lambda token: token + "\u0660", id="not ASCII"),
            pytest.param(lambda token: token[:-1] + "\N{FULLWIDTH LATIN CAPITAL LETTER A}", id="look-alike"),
            pytest.param(lambda token: "\ud800" + token, id="surrogate"),
            pytest.param(lambda token: token + "." + token.rpartition(".")[2], id="signature twice"),
        ],
    )
    def test_changed_texts_are_refused(self, keyring, change):
        token = keyring.sign("test", b"ab", expires_at=2_000_000_000)
        assert keyring.verify("test", token, now=NOW) == b"ab"
        changed = change(token)
        assert changed != token
        with pytest.raises(BadSignatureError):
            keyring.verify("test", changed, now=NOW)

    def test_one_text_only_verifies_for_one_signature(self, keyring):
        # A base64 text of 43 characters for 32 bytes has two bits to spare; none of the four spellings but ours passes.
        token = keyring.sign("test", b"ab")
        accepted = []
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            try:
                keyring.verify("test", token[:-1] + last, now=NOW)
                accepted.append(last)
            except BadSignatureError:
                pass
        assert accepted == [token[-1]]

    @pytest.mark.asvs("V9.2.2")
    def test_another_purpose_is_refused(self, keyring):
        token = keyring.sign("invitation", b"a")
        with pytest.raises(BadSignatureError):
            keyring.verify("invitation2", token, now=NOW)

    @pytest.mark.asvs("V9.2.2")
    def test_a_mac_is_no_signature(self, keyring):
        # Somebody who can have a text of his choice macced gets no signed text from it.
        for parts in ((b"v1.YQ.",), (b"v1", b"YQ", b"")):
            digest = keyring.mac("test", *parts)
            token = "v1.YQ.." + urlsafe_b64encode(digest).rstrip(b"=").decode()
            with pytest.raises(BadSignatureError):
                keyring.verify("test", token, now=NOW)

    @pytest.mark.asvs("V9.1.2")
    def test_another_version_signed_with_our_key_is_refused(self, keyring):
        keyring.sign("test", b"a")
        state = keyring._sign_states["test"][0].copy()
        state.update(b"v0.YQ.")
        token = "v0.YQ.." + urlsafe_b64encode(state.digest()).rstrip(b"=").decode()
        with pytest.raises(BadSignatureError):
            keyring.verify("test", token, now=NOW)

    def test_the_longest_text_we_write_is_within_what_we_read(self, keyring):
        token = keyring.sign("t" * MAX_PURPOSE_LENGTH, b"x" * MAX_PAYLOAD_BYTES, expires_at=MAX_EXPIRES_AT)
        assert len(token) <= MAX_TOKEN_LENGTH

    @pytest.mark.parametrize("length", [MAX_TOKEN_LENGTH, MAX_TOKEN_LENGTH + 1])
    def test_long_texts_are_refused(self, keyring, length):
        with pytest.raises(BadSignatureError):
            keyring.verify("test", "a" * length, now=NOW)

    def test_a_text_over_the_limit_is_refused_even_if_it_is_ours(self, keyring):
        keyring.sign("test", b"a")

        def sign(payload_characters):
            head = f"v1.{'A' * payload_characters}."
            state = keyring._sign_states["test"][0].copy()
            state.update(head.encode())
            return head + "." + urlsafe_b64encode(state.digest()).rstrip(b"=").decode()

        longest = sign(MAX_TOKEN_LENGTH - len(sign(0)))
        assert len(longest) == MAX_TOKEN_LENGTH
        assert keyring.verify("test", longest, now=NOW) == bytes(8214)
        with pytest.raises(BadSignatureError):
            keyring.verify("test", sign(MAX_TOKEN_LENGTH - len(sign(0)) + 1), now=NOW)

    def test_messages_show_neither_key_nor_signature(self, keyring):
        token = keyring.sign("test", b"secret payload")
        with pytest.raises(BadSignatureError) as caught:
            keyring.verify("other", token, now=NOW)
        assert token.rpartition(".")[2] not in caught.value.detail
        assert FIRST.reveal() not in caught.value.detail


class TestPurposes:
    @pytest.mark.parametrize("purpose", ["a", "csrf", "mail.reset-2", "x:y_z", "9", "p" * MAX_PURPOSE_LENGTH])
    def test_allowed(self, keyring, purpose):
        assert keyring.verify(purpose, keyring.sign(purpose, b"a"), now=NOW) == b"a"
        assert keyring.check_mac(purpose, keyring.mac(purpose, b"a"), b"a") is True

    @pytest.mark.parametrize(
        "purpose",
        [
            pytest.param("", id="empty"),
            pytest.param("p" * (MAX_PURPOSE_LENGTH + 1), id="too long"),
            pytest.param("CSRF", id="capitals"),
            pytest.param("a b", id="space"),
            pytest.param("a/b", id="slash"),
            pytest.param("a\n", id="newline"),
            pytest.param("a\x00", id="nul"),
            pytest.param("ä", id="not ASCII"),
        ],
    )
    def test_refused(self, keyring, purpose):
        with pytest.raises(ConfigError):
            keyring.mac(purpose, b"a")
        with pytest.raises(ConfigError):
            keyring.check_mac(purpose, bytes(32), b"a")
        with pytest.raises(ConfigError):
            keyring.sign(purpose, b"a")
        with pytest.raises(ConfigError):
            keyring.verify(purpose, "v1.a..b", now=NOW)

    def test_the_cache_stops_growing_and_nothing_else_changes(self, keyring):
        digests = [keyring.mac(f"p{number}", b"a") for number in range(MAX_CACHED_PURPOSES + 10)]
        assert len(keyring._mac_states) == MAX_CACHED_PURPOSES
        assert digests == [keyring.mac(f"p{number}", b"a") for number in range(MAX_CACHED_PURPOSES + 10)]
        assert len(set(digests)) == len(digests)

    def test_a_state_is_not_used_up(self, keyring):
        first = keyring.mac("test", b"a")
        keyring.mac("test", b"b")
        keyring.check_mac("test", first, b"c")
        assert keyring.mac("test", b"a") == first

    def test_threads_agree(self, keyring):
        digests: list[bytes] = []

        def work():
            digests.extend(keyring.mac(f"p{number % 7}", b"a") for number in range(70))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(digests) == 280
        assert len(set(digests)) == 7
