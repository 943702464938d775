"""`check`: the deployment looked over.

ASVS 5.0: V15.1.5 (what is loosened, and why).
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from fastness.app import Fastness
from fastness.checks.check import Deployment
from fastness.checks.failures import findings_of
from fastness.checks.runner import KNOWN_IDS, TOOL, run_checks
from fastness.cli.errors import CommandError
from fastness.cli.location import Location, find_location, load_app, name_of
from fastness.cli.notices import accepted_for
from fastness.cli.reporting import publish
from fastness.db.model import Model
from fastness.kernel.errors import ConfigError
from fastness.kernel.report import make_report
from fastness.kernel.values import dataclass
from fastness.reports.appfacts import AppFacts, facts_of
from fastness.reports.forms import Form
from fastness.reports.run import Run
from fastness.settings.sources import SECRETS_FOLDER_VARIABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What came of the checks."""

    run: Run
    app: AppFacts | None = None
    """What the app's code says, if it could be loaded."""


def show_checks(app_name: str | None, form: Form) -> bool:
    """Run the checks, show what they found, and return whether the app may start."""
    looked = look_over(app_name)
    publish(looked.run, form, folder=Path.cwd(), app=looked.app)
    return looked.run.report.is_passed


def look_over(app_name: str | None) -> Looked:
    """Run the checks on an app, or tell why it cannot be loaded."""
    location = find_location(app_name)
    profile: str | None = None
    facts: AppFacts | None = None
    try:
        app = load_app(location)
        profile = app.settings.profile.value
        report = run_checks(deployment_of(app, location), accepted=accepted_for(KNOWN_IDS, location.accepted))
        facts = facts_of(app.routes, location.roles)
    except CommandError:
        raise
    except ConfigError as error:
        report = make_report(TOOL, findings_of(error), {}, KNOWN_IDS)
    run = Run(report=report, made_at=datetime.now(UTC), subject=name_of(location.folder)[0], profile=profile)
    return Looked(run=run, app=facts)


def deployment_of(
    app: Fastness, location: Location, *, has_tls: bool | None = None, tls_key: Path | None = None
) -> Deployment:
    """What the checks look at; raises `ConfigError` if the app cannot be sealed."""
    secrets = os.environ.get(SECRETS_FOLDER_VARIABLE)
    return Deployment(
        settings=app.settings,
        routes=app.routes,
        permissions=app.own_permissions,
        folder=location.folder,
        migrations=location.migrations_if_there,
        templates=app.inspect_templates(),
        template_folder=app.template_folder,
        sources=location.sources,
        models=own_models(),
        static=app.static_folder,
        secrets_folder=None if secrets is None else Path(secrets),
        has_tls=has_tls,
        tls_key=tls_key,
        clock=app.services.clock,
    )


def own_models() -> tuple[type[Model], ...]:
    """The models that the app declares, once it is imported."""
    models = {
        mapper.class_ for mapper in Model.registry.mappers if not mapper.class_.__module__.startswith("fastness.")
    }
    return tuple(sorted(models, key=lambda model: f"{model.__module__}.{model.__qualname__}"))
