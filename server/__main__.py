"""The command line: `python -m server --help`.

Each command imports its dependencies when it runs. Importing all of them takes seconds, most of it for the server.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import math
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import typer

from server.settings import Settings, StartupError
from server.usage_format import Format, RowCount, format_of

if TYPE_CHECKING:
    from models.database import Database
    from server.client import Client
    from server.usage_file import BadRow, UsageFile

Result = TypeVar("Result")

LOCAL_USER: Final = uuid5(NAMESPACE_URL, "enterprise-router:local")
"""The user for whom `serve` prints a token."""

_STARTUP_ERROR_EXIT_CODE: Final = 2
_PARTITION_ATTEMPTS: Final = 10
_MAX_DURATION: Final = timedelta(days=36_500)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

UserOption = Annotated[UUID, typer.Option("--user", help="The user's id, a UUID.")]
UrlOption = Annotated[
    str, typer.Option(help="The URL of the running server. Default: ROUTER_HOST and ROUTER_PORT of the settings.")
]
FileArgument = Annotated[
    Path, typer.Argument(help="A CSV file with a header line, or an NDJSON file; plain or gzip-compressed.")
]


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is None:
        raise typer.BadParameter("must be a number and a unit, such as 30d, 12h, 15m or 90s")
    duration = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if duration > _MAX_DURATION:
        raise typer.BadParameter(f"must be at most {_MAX_DURATION.days}d")
    return duration


def _speed(factor: float) -> float:
    if math.isnan(factor):
        raise typer.BadParameter("must be a number")
    return factor


def _variables(text: str) -> dict[str, Any]:
    from server.json_text import decoded

    try:
        variables = decoded(text)
    except ValueError:
        variables = None
    if not isinstance(variables, dict):
        raise typer.BadParameter('must be a JSON object, such as {"first": 5}')
    return variables


@app.command()
def serve() -> None:
    """Serve the API. The database schema must be up to date: run `migrate` first."""
    # Imported objects are never freed. Garbage collection during the imports would take a tenth of the start-up time.
    gc.disable()
    from server.serving import run

    gc.enable()
    settings = _settings()
    _check_database(settings)
    run(settings, LOCAL_USER)


@app.command()
def migrate() -> None:
    """Migrate the database to the newest schema and create the partitions of the next months."""
    from migrations import SettingNeeded, upgrade
    from models.ledger import now_utc

    settings = _settings()
    try:
        with _database_errors(settings):
            upgrade(settings.database, takes_provider_tokens=settings.jwks_url is not None, issuer=settings.jwt_issuer)
    except SettingNeeded as error:
        raise StartupError(str(error)) from None
    _with_database(lambda database: database.backend.make_partitions(now_utc(), _PARTITION_ATTEMPTS))


@app.command()
def token(
    user: UserOption,
    expires: Annotated[str, typer.Option(help="The lifetime: a number and a unit, s, m, h or d.")] = "30d",
) -> None:
    """Print a token for a user. Standard output holds nothing else."""
    from server.token import make_token

    try:
        print(make_token(_settings(), user, _duration(expires)))
    except LookupError as error:
        raise StartupError(str(error)) from None


@app.command("import")
def import_(file: FileArgument, user: UserOption) -> None:
    """Import past calls from a file. An interrupted import can be run again: no row is recorded twice."""
    from server.importing import import_usage

    settings = _settings()
    _check_database(settings)
    with _database_errors(settings), _progress(file, "importing") as (usage, report):
        result = asyncio.run(import_usage(settings, usage, user, report))
    _print_bad_rows(result.bad_rows)
    print(f"{result.imported} imported, {result.already_present} already present, {len(result.bad_rows)} rejected")
    if result.without_test:
        print(f"{result.without_test} imported without their A/B test: this user has no test with that id")
    raise typer.Exit(bool(result.bad_rows))


@app.command()
def export(
    file: Annotated[
        Path, typer.Argument(help="The file to write, gzip-compressed if its name ends in .gz; - for standard output.")
    ],
    user: UserOption,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Default: by the file's extension, .csv, .ndjson or .jsonl.")
    ] = None,
    from_: Annotated[
        str,
        typer.Option("--from", help="Export calls that occurred at or after this time, such as 2026-01-31T00:00:00Z."),
    ] = "",
    to: Annotated[str, typer.Option(help="Export calls that occurred before this time.")] = "",
    url: UrlOption = "",
) -> None:
    """Download a user's calls from a running server into a file that `import` reads. A failed export leaves no file."""
    to_stdout = file == Path("-")
    format_ = format_ or (Format.NDJSON if to_stdout else format_of(file))
    if format_ is None:
        raise typer.BadParameter("the file's extension names no format: add --format csv or --format ndjson")
    parameters = {"format": format_.value, "from": from_, "to": to}
    count = RowCount(format_)

    async def save(client: Client) -> None:
        with _new_file(file) if not to_stdout else nullcontext(sys.stdout.buffer) as out, _downloading() as report:
            async for block in client.export({name: value for name, value in parameters.items() if value}):
                out.write(block)
                count.add(block)
                report(len(block))

    _with_client(url, user, save)
    print(f"{count.rows} exported", file=sys.stderr if to_stdout else sys.stdout)


@app.command()
def replay(
    file: FileArgument,
    user: UserOption,
    speed: Annotated[
        float, typer.Option(min=0.001, callback=_speed, help="The speed as a multiple of real time.")
    ] = 600,
    url: UrlOption = "",
    ab_test: Annotated[
        UUID | None,
        typer.Option(help="The id of an A/B test, a UUID. Rows that match one of its variants count for it."),
    ] = None,
) -> None:
    """Log the calls of a file through a running server as if they occurred now. Alerts fire as for live traffic."""
    from server.replay import Replay

    with _progress(file, "replaying") as (usage, report):
        result = _with_client(url, user, lambda client: Replay(client, speed, ab_test).run(usage, report))
    _print_bad_rows(result.bad_rows)
    print(f"{result.logged} logged, {len(result.bad_rows)} rejected")
    raise typer.Exit(bool(result.bad_rows))


@app.command()
def query(
    document: Annotated[str, typer.Argument(help="The GraphQL query or mutation.")],
    user: UserOption,
    variables: Annotated[str, typer.Option(help="The variables of the operation, as a JSON object.")] = "{}",
    url: UrlOption = "",
) -> None:
    """Execute a GraphQL operation on a running server and print the response as JSON."""
    values = _variables(variables)
    answer = _with_client(url, user, lambda client: client.answer(document, values))
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    raise typer.Exit("errors" in answer)


@app.command()
def watch(
    user: UserOption,
    after: Annotated[str | None, typer.Option(help='Start after this cursor; "" starts with the first event.')] = None,
    url: UrlOption = "",
) -> None:
    """Print a user's alert events as they occur, until interrupted. Each line ends with the event's cursor."""

    async def print_alerts(client: Client) -> None:
        async for event in client.alerts(after):
            print(
                f"{event['firedAt']}  {event['level']}  {event['alert']['alertType']}: ${event['amount']} of "
                f"${event['threshold']} since {event['windowStart']}  {event['cursor']}",
                flush=True,
            )

    with suppress(KeyboardInterrupt):
        _with_client(url, user, print_alerts)


@app.command()
def verify(
    user: Annotated[UUID | None, typer.Option("--user", help="Verify this user only: a UUID.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Store the recomputed values.")] = False,
) -> None:
    """Recompute rollups, histograms, A/B figures and alerts from the calls and print every difference."""
    from models.ledger import now_utc
    from models.ledger.repair import repair as repaired
    from models.queries.verification import users, verify

    compare = repaired if repair else verify

    async def differences(database: Database) -> int:
        found = 0
        for user_id in [user] if user else await users(database):
            for difference in await compare(database, user_id, now_utc()):
                print(difference)
                found += 1
        return found

    found = _with_database(differences)
    print(f"{found} differences{', repaired' if repair and found else ''}")
    raise typer.Exit(bool(found) and not repair)


@app.command()
def retention(
    keep: Annotated[str, typer.Option(help="The age up to which calls are kept: a number and a unit, s, m, h or d.")],
) -> None:
    """Drop calls of whole months that are older than this. Their rollups stay."""
    from models.ledger import now_utc
    from models.ledger.retention import drop_before

    kept_from = _with_database(lambda database: drop_before(database, now_utc() - _duration(keep)))
    print(f"kept from {kept_from:%Y-%m-%d} on")


@app.command()
def sdl() -> None:
    """Print the GraphQL schema."""
    from schema import schema

    print(schema.as_str())


def _settings() -> Settings:
    return Settings.from_environment()


def _with_client(url: str, user: UUID, use: Callable[[Client], Awaitable[Result]]) -> Result:
    """Call `use` with a client of the running server and return its result.

    Raises StartupError when the server cannot be reached or answers with an error.
    """
    from server.client import Client, ServerError
    from server.token import make_token

    settings = _settings()

    async def with_client() -> Result:
        address = url or f"http://{settings.host}:{settings.port}"
        async with Client(address, make_token(settings, user, timedelta(days=1))) as client:
            return await use(client)

    try:
        return asyncio.run(with_client())
    except (ServerError, LookupError) as error:
        raise StartupError(str(error)) from None


def _with_database(use: Callable[[Database], Awaitable[Result]]) -> Result:
    """Call `use` with the database and return its result.

    Raises StartupError when the database cannot be used or its schema is out of date.
    """
    from models.database import Database

    settings = _settings()
    _check_database(settings)

    async def with_database() -> Result:
        database = Database(settings.database, lambda _events: None)
        try:
            return await use(database)
        finally:
            await database.dispose()

    with _database_errors(settings):
        return asyncio.run(with_database())


def _check_database(settings: Settings) -> None:
    from migrations import is_current

    with _database_errors(settings):
        if not asyncio.run(is_current(settings.database)):
            raise StartupError("the database schema is out of date: run 'make migrate'")


@contextmanager
def _database_errors(settings: Settings) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    from models.database.pool import DatabaseFailure

    settings.prepare_database_dir()
    try:
        yield
    except (SQLAlchemyError, DatabaseFailure, OSError) as error:
        reason = (str(getattr(error, "orig", None) or error) or "no answer in time").splitlines()[0]
        url = settings.database.render_as_string(hide_password=True)
        raise StartupError(f"ROUTER_DATABASE_URL: cannot use {url}: {reason}") from None


@contextmanager
def _progress(path: Path, doing: str) -> Iterator[tuple[UsageFile, Callable[[int], None]]]:
    from rich.console import Console
    from rich.progress import Progress

    from server.usage_file import UnreadableFile, UsageFile

    try:
        usage = UsageFile(path)
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task(doing, total=usage.lines)
            yield usage, lambda line: progress.update(task, completed=line)
    except UnreadableFile as error:
        raise StartupError(str(error)) from None


@contextmanager
def _downloading() -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, FileSizeColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), FileSizeColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("exporting", total=None)
        yield lambda size: progress.advance(task, size)


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Write the file at `path` atomically.

    The file is replaced when the block ends without an exception. Otherwise a file that existed before stays as it was.
    """
    if path.exists() and not path.is_file():
        raise StartupError(f"{path}: exists and is not a regular file")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            unfinished.open("xb") as file,
            _gzipped(file, path.stem) if path.suffix == ".gz" else nullcontext(file) as out,
        ):
            yield out
        unfinished.replace(path)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _gzipped(file: IO[bytes], name: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(name, "wb", fileobj=file))


def _print_bad_rows(rows: list[BadRow]) -> None:
    for row in rows:
        print(f"line {row.line}: {row.reason}", file=sys.stderr)


def main() -> None:
    """Run the command line. A StartupError is printed as one line on standard error; the exit code is then 2."""
    try:
        app()
    except StartupError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(_STARTUP_ERROR_EXIT_CODE)


if __name__ == "__main__":
    main()
