"""What a verb works on: the database of a platform, or its API on behalf of somebody who signs in there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from services.cli.remote import Remote, signed_in

if TYPE_CHECKING:
    from shared.store.port import Store

Place = TypeVar("Place")


class Where(NamedTuple):
    """What the options of a verb say of where it works, and as whom to sign in there."""

    database: str | None
    config: Path | None
    url: str | None
    user: str | None


@contextmanager
def opened(
    where: Where, remote_place: "Callable[[Remote], Place]", stored_place: "Callable[[Store], Place]"
) -> Iterator[Place]:
    """Open the place that the options of a verb name; raise InputError where they contradict each other."""
    from services.cli.inputs import read_settings
    from services.cli.stored import database_url
    from shared.contracts.errors import InputError
    from shared.store.sql_store import open_store

    if where.url is not None:
        if where.database is not None or where.config is not None:
            raise InputError("--url goes without --db and --config: the API has its own")
        with signed_in(where.url, where.user) as remote:
            yield remote_place(remote)
        return
    if where.user is not None:
        raise InputError("--user goes with --url; on a database nobody signs in")
    store = open_store(database_url(where.database, read_settings(where.config)))
    try:
        yield stored_place(store)
    finally:
        store.close()
