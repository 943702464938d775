"""`serve`: the app for everybody.

The deployment is looked over first, with what only the server knows (whether it has a certificate), and nothing that
fails a check is started. Beside the server runs a worker, which sends mail; it ends with the server.

ASVS 5.0: V13.4.2 (no debug mode in production), V12.2.1 (TLS).
"""

from contextlib import nullcontext

from fastness.checks.runner import KNOWN_IDS, run_checks
from fastness.cli.checking import deployment_of
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.notices import accepted_for
from fastness.cli.reporting import text_of
from fastness.cli.serving import Listening, serve_production
from fastness.cli.supervising import supervised_worker
from fastness.cli.terminal import remark
from fastness.web.exchange import root_address_of


def run_production(app_name: str | None, listening: Listening, *, workers: int, has_worker: bool) -> None:
    """Look the deployment over, and serve until stopped."""
    location = find_location(app_name)
    for file in (listening.certificate, listening.key):
        if file is not None and not file.is_file():
            raise CommandError(f"There is no file {file}.")
    root_address_of(listening.root_path)  # refused here rather than with each request
    app = load_app(location)
    if app.settings.is_development:
        raise CommandError(
            "These are the settings of development. Set FASTNESS_PROFILE=production and the hosts of the deployment "
            "(FASTNESS_HOSTS=www.example.com), or run `fastness dev`."
        )
    deployment = deployment_of(app, location, has_tls=listening.certificate is not None, tls_key=listening.key)
    report = run_checks(deployment, accepted=accepted_for(KNOWN_IDS, location.accepted))
    if report.errors:
        for finding in report.errors:
            remark(text_of(finding))
        raise CommandError("The app is not started. `fastness check` shows the rest.")
    app.compile_templates()  # here, so that the workers that are forked from this process share them
    listening.require_free()
    with supervised_worker(location.app) if has_worker else nullcontext():
        serve_production(app, location, listening, workers=workers)
