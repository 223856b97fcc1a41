"""What a verb works on: the database of a platform, or its API on behalf of somebody who signs in there."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from services.cli.database import url_read
from services.cli.options import Where
from services.cli.remote import Remote, signed_in
from shared.contracts.errors import InputError
from shared.store.port import Store
from shared.store.sql_store import open_store

Place = TypeVar("Place")


@contextmanager
def opened(
    where: Where, remote_place: Callable[[Remote], Place], stored_place: Callable[[Store, str], Place]
) -> Iterator[Place]:
    """Open the place that the options of a verb name; raise InputError where they contradict each other.

    A stored place is made of the open database and its URL.
    """
    if where.url is not None:
        if where.database is not None or where.config is not None:
            raise InputError("--url cannot be combined with --db or --config: the API has its own")
        with signed_in(where.url, where.user) as remote:
            yield remote_place(remote)
        return
    if where.user is not None:
        raise InputError("--user needs --url; nobody signs in to a database")
    url = url_read(where)
    with closing(open_store(url)) as store:
        yield stored_place(store, url)
