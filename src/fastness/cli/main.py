"""The `fastness` command: what it takes, and where each part of it is.

Only signatures and help stand here and in the files of the groups; the work is in the module that a command imports when
it runs, so that `--help` does not wait for a database library. Every error of ours becomes a sentence with the fix and exit
code 1; 2 is for a command line that makes no sense, 0 for success.
"""

import sys
from errno import EACCES, EEXIST, ENOSPC, ENOTDIR, EPERM, EROFS
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from fastness import __version__
from fastness.cli.auditcommands import auditlog
from fastness.cli.databasecommands import db
from fastness.cli.keycommands import keys
from fastness.cli.mistakes import app_trace
from fastness.cli.options import (
    AppOption,
    FormatOption,
    JSONOption,
    OutputOption,
    PortOption,
    ReportJSONOption,
    end,
    form_of,
    group,
)
from fastness.cli.rolecommands import groups, roles
from fastness.cli.terminal import complain, remark, say
from fastness.cli.usercommands import imports, users
from fastness.kernel.errors import FastnessError

_UNWRITABLE: Final = frozenset({EACCES, EEXIST, ENOSPC, ENOTDIR, EPERM, EROFS})


class Commands(TyperGroup):
    """A group whose commands end in a sentence instead of a traceback where the error is one of ours, or of the disk.

    Of a mistake in the app it shows the part that its author wrote.
    """

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # the type that typer hands out
        """Run the command."""
        try:
            result: object = super().invoke(ctx)
        except FastnessError as error:
            complain(f"{error.detail}")
            raise typer.Exit(1) from None
        except OSError as error:
            if error.filename is None or error.errno not in _UNWRITABLE:
                raise
            complain(f"{error.filename}: {error.strerror}. This account has to be able to write there.")
            raise typer.Exit(1) from None
        except (typer.Exit, typer.Abort, TyperException):
            raise  # how a command ends, and no mistake
        except Exception as error:
            trace = app_trace(error, Path.cwd())
            if not trace:
                raise
            remark(trace)
            raise typer.Exit(1) from None
        return result


app = group(cls=Commands)
app.add_typer(users, name="users")
app.add_typer(roles, name="roles")
app.add_typer(groups, name="groups")
app.add_typer(auditlog, name="auditlog")
app.add_typer(imports, name="import")
app.add_typer(keys, name="keys")
app.add_typer(db, name="db")


def run() -> None:
    """Run the command line of this process."""
    app(prog_name="fastness")


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it with the flag
    if value:
        say(f"fastness {__version__}, Python {sys.version.partition(' ')[0]}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Fastness: a web framework that is secure from the first request."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The folder to make; letters, digits and hyphens.")],
) -> None:
    """Make a project that runs.

    It has sign-in, its own tests, and a secret key that nobody else has.
    """
    from fastness.cli.creating import create_project

    create_project(name)


@app.command()
def dev(
    *,
    port: PortOption = 8000,
    reload: Annotated[bool, typer.Option(help="Start again when code or settings change.")] = True,
    insecure_bind: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Listen beyond this machine, for containers. Debug pages then ask for a token that is printed.",
        ),
    ] = None,
    app_name: AppOption = None,
) -> None:
    """Run the app for its developer.

    It starts again when code changes, shows debug pages, and listens on this machine only.
    """
    from fastness.cli.developing import run_development

    run_development(app_name, port=port, reloads=reload, insecure_bind=insecure_bind)


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: PortOption = 8000,
    uds: Annotated[Path | None, typer.Option(help="A Unix socket to listen on instead.")] = None,
    workers: Annotated[int, typer.Option(help="How many processes answer requests.", min=1, max=512)] = 1,
    certfile: Annotated[Path | None, typer.Option(help="The certificate chain, if TLS ends here.")] = None,
    keyfile: Annotated[Path | None, typer.Option(help="The certificate's key.")] = None,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Where the app is on its host, if a proxy leads one path here: /shop.")
    ] = "",
    worker: Annotated[
        bool, typer.Option(help="Run `fastness worker` beside it; without, run one elsewhere, or no mail is sent.")
    ] = True,
    app_name: AppOption = None,
) -> None:
    """Run the app in production.

    Refuses to start on a failed check, and says what to set.
    """
    from fastness.cli.deploying import run_production
    from fastness.cli.serving import Listening

    if (certfile is None) != (keyfile is None):
        raise typer.BadParameter("--certfile and --keyfile go together.")
    listening = Listening(
        address=host, port=port, unix_socket=uds, certificate=certfile, key=keyfile, root_path=root_path.rstrip("/")
    )
    run_production(app_name, listening, workers=workers, has_worker=worker)


@app.command()
def worker(
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what is due and end, for a scheduler.")] = False,
    supervised: Annotated[bool, typer.Option("--supervised", help="End with the parent process.", hidden=True)] = False,
    app_name: AppOption = None,
) -> None:
    """Send mail and tidy up.

    `fastness serve` starts one; there may be more of them, on other machines too.
    """
    from fastness.cli.working import run_worker

    run_worker(app_name, once=once, is_supervised=supervised)


@app.command()
def check(
    *,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    output: OutputOption = None,
    json: ReportJSONOption = False,
    asvs: Annotated[
        int | None,
        typer.Option(
            "--asvs", min=1, max=3, help="List the requirements of ASVS 5.0 up to this level, and who meets each."
        ),
    ] = None,
    app_name: AppOption = None,
) -> None:
    """Look a deployment over.

    Settings, files, database and routes. The exit code is 1 if something would stop the start.
    """
    from fastness.cli.checking import show_checks
    from fastness.cli.coverage import show_coverage

    form = form_of(format, as_json=json, output=output)
    end(is_passed=show_checks(app_name, form) if asvs is None else show_coverage(app_name, asvs, form))


@app.command()
def probe(
    url: Annotated[str, typer.Argument(help="Where the app runs, as its visitors have it: https://www.example.com.")],
    *,
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Sign in as this user as well; two of them show who gets at whose things."),
    ] = None,
    passwords_stdin: Annotated[
        bool, typer.Option("--passwords-stdin", help="Read the passwords from standard input, a line for each account.")
    ] = False,
    max_requests: Annotated[int | None, typer.Option(help="Send no more than this many requests.", min=1)] = None,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    output: OutputOption = None,
    json: ReportJSONOption = False,
    app_name: AppOption = None,
) -> None:
    """Scan the running app from outside.

    It has to show that it holds the key of this project. The exit code is 1 if something grave was found or not looked at.
    """
    from fastness.cli.probing import probe_site

    is_passed = probe_site(
        app_name,
        url,
        names=account or (),
        reads_stdin=passwords_stdin,
        max_requests=max_requests,
        form=form_of(format, as_json=json, output=output),
    )
    end(is_passed=is_passed)


@app.command()
def audit(
    *,
    osv: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A snapshot of OSV, a folder or ZIP file of JSON records.", exists=True),
    ] = None,
    sbom: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the list of components (CycloneDX) into this file.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing of the network.")] = False,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    output: OutputOption = None,
    json: ReportJSONOption = False,
) -> None:
    """Look the project's source, repository and dependencies over.

    Needs the extra "audit". The exit code is 1 if something grave was found or could not be checked.
    """
    from fastness.cli.auditing import audit_project

    form = form_of(format, as_json=json, output=output)
    end(is_passed=audit_project(snapshot=osv, sbom=sbom, is_offline=offline, form=form))


@app.command()
def report(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Runs of check, audit and probe, as --format json writes them."),
    ] = None,
    *,
    output: Annotated[Path, typer.Option(metavar="FILE", help="Write the page into this file.")],
    app_name: AppOption = None,
) -> None:
    """Put several runs together into one HTML page.

    Without files, check and audit run now, the audit without the network. The exit code is 1 if one of the runs did not pass.
    """
    from fastness.cli.combining import make_page

    end(is_passed=make_page(app_name, files or [], output=output))


@app.command()
def routes(
    *,
    json: JSONOption = False,
    matrix: Annotated[bool, typer.Option("--matrix", help="Show each route against each kind of people.")] = False,
    write: Annotated[bool, typer.Option("--write", help="With --matrix: write access.lock, to be committed.")] = False,
    check: Annotated[bool, typer.Option("--check", help="With --matrix: compare the routes with access.lock.")] = False,
    database: Annotated[
        bool, typer.Option("--database", help="With --matrix: show the roles of the database with what they permit.")
    ] = False,
    app_name: AppOption = None,
) -> None:
    """List the routes.

    Each with its methods, its name, whom it admits and what it leaves out.
    """
    if (write or check or database) and not matrix:
        raise typer.BadParameter("--write, --check and --database go with --matrix.")
    if write + check + (database or json) > 1:
        raise typer.BadParameter("--write, --check and --json or --database: one at a time.")
    if not matrix:
        from fastness.cli.listing import show_routes

        show_routes(app_name, as_json=json)
        return
    from fastness.cli.matrix import check_lock_file, show_matrix, write_lock

    if write:
        write_lock(app_name)
    elif not check:
        show_matrix(app_name, as_json=json, asks_database=database)
    elif not check_lock_file(app_name):
        raise typer.Exit(1)


@app.command()
def workflows(*, json: JSONOption = False, app_name: AppOption = None) -> None:
    """List the steps that the app's objects can take, and who may take them."""
    from fastness.cli.workflows import show_workflows

    show_workflows(app_name, as_json=json)


@app.command()
def demo(
    *,
    port: PortOption = 8000,
    seed_only: Annotated[bool, typer.Option("--seed-only", help="Prepare the data and stop.")] = False,
    app_name: AppOption = None,
) -> None:
    """Run the app with sample data.

    Fills an empty database, says who can sign in, and serves this machine.
    """
    if seed_only:
        from fastness.cli.seeding import seed_demo

        seed_demo(app_name)
    else:
        from fastness.cli.demonstrating import run_demo

        run_demo(app_name, port=port)
