"""The settings of the Fastness application: the production profile, as it comes.

Said here is what every app has to say (key, hosts, files) and that TLS is somebody else's: the load comes over plain http,
as it does for every contender.
"""

from pathlib import Path

from bench import data
from fastness import Secret, Settings
from fastness.auth.password_rules import PasswordRules
from fastness.kernel.hosts import HostRules


def load_settings(folder: Path) -> Settings:
    """Production settings for the application's folder; the environment has no say."""
    return Settings.load(
        environ={},
        folder=folder,
        secret_key=Secret(data.SECRET_KEY),
        hosts=HostRules(allowed=(data.HOST_NAME,)),
        is_https_required=False,
        database_url=f"sqlite:///{folder / 'data.sqlite3'}",
        store_url=f"sqlite:///{folder / 'store.sqlite3'}",
        passwords=PasswordRules(
            memory_kib=data.ARGON2_MEMORY_KIB, time_cost=data.ARGON2_TIME_COST, parallelism=data.ARGON2_PARALLELISM
        ),
    )
