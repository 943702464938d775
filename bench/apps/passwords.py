"""Argon2id with the parameters that all applications of the benchmark share."""

from argon2 import PasswordHasher

from bench import data


def make_hasher() -> PasswordHasher:
    """An Argon2id hasher: the same memory, passes and lanes everywhere, so that a sign-in costs everybody the same."""
    return PasswordHasher(
        time_cost=data.ARGON2_TIME_COST, memory_cost=data.ARGON2_MEMORY_KIB, parallelism=data.ARGON2_PARALLELISM
    )
