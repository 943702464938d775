"""Django's Argon2 hasher with the parameters that all applications of the benchmark share."""

from django.contrib.auth.hashers import Argon2PasswordHasher

from bench import data


class SharedArgon2Hasher(Argon2PasswordHasher):
    """Argon2id with the shared memory, passes and lanes."""

    memory_cost = data.ARGON2_MEMORY_KIB
    time_cost = data.ARGON2_TIME_COST
    parallelism = data.ARGON2_PARALLELISM
