"""What `fastness serve` loads: the target as it would be deployed; its log is what the command writes."""

from fastness import Settings
from tests.attacks.target import make_app

app = make_app(Settings.load())
