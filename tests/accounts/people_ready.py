"""What the parent of the killed processes has ready before it forks them, so that their short lives go into what is tried."""

import gc
from pathlib import Path

from tests.accounts.people import Place, make_app
from tests.compiled_once import compile_once

compile_once()
_APP = make_app(Place("sqlite:///never-opened/app.db", "sqlite:///never-opened/audit.db", Path("never-opened")))
_APP.seal()
if _APP.services.templates is not None:
    _APP.services.templates().compile_all()
gc.freeze()  # memory that is not touched stays shared
