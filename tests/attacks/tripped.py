"""What the server process loads for the tripwires."""

from tests.attacks.logs import write_log
from tests.attacks.trips import make_app

write_log()
app = make_app()
