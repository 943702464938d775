"""The readers of the audit take any text: a file of an app may hold anything."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from fastness.audit.module import make_module
from fastness.audit.patterns import ends_with_dollar, holds_whole_value, is_catastrophic
from fastness.audit.rules import RULES
from fastness.audit.secrets import known_secret, looks_random

PATTERNS = st.text(alphabet=r"ab()[]{}|*+?^$\.,12:<=!#-", max_size=40)


@given(PATTERNS)
def test_any_pattern_can_be_judged(pattern):
    assert {ends_with_dollar(pattern), holds_whole_value(pattern), is_catastrophic(pattern)} <= {True, False}


@given(st.text(alphabet="ab,;-", min_size=1, max_size=10))
def test_a_pattern_without_repetition_is_never_catastrophic(text):
    assert not is_catastrophic(f"({text})?")


@given(st.text(max_size=80))
def test_any_text_can_be_asked_for_secrets(text):
    assert known_secret(text) is None or looks_random(text) in {True, False}


@given(PATTERNS, st.text(max_size=20))
def test_rules_take_any_literal(pattern, text):
    source = f"import re\nre.compile({pattern!r})\nif re.match({pattern!r}, name):\n    secret = {text!r}\n"
    module = make_module(ast.parse(source))
    assert all(hit.line >= 1 for rule in RULES for hit in rule.find(module))
