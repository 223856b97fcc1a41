"""`scalpbot db`: the schema of the database, and a database that was restored."""

import getpass
import time
from contextlib import closing
from pathlib import Path
from secrets import token_bytes

from services.cli.configuration import read_settings
from services.cli.database import database_url, url_read
from services.cli.documents.operations import AcceptedRestore, SchemaFound, UpgradedSchema
from services.cli.options import AtDatabase
from services.cli.terminal.output import DID_NOT_HOLD, note, say, say_json
from services.cli.terminal.progress import growing
from services.executor.restored import accept_restored
from shared.anchors.anchoring import begin_anchors
from shared.anchors.file import AnchorError
from shared.anchors.places import known_anchors, signing_key
from shared.contracts.errors import InputError
from shared.settings.environment import RuntimeSettings
from shared.store import schema
from shared.store.engine import shown_place
from shared.store.port import Store
from shared.store.schema import SchemaState
from shared.store.sql_store import open_store


def upgrade(where: AtDatabase, as_json: bool) -> None:
    """Bring the database to the schema of this version and print what it was; raise InputError where that cannot be."""
    url = _url(where)
    with growing("rewriting rows") as progress:
        before = schema.upgrade(url, progress)
    after = schema.check(url)
    if as_json:
        upgraded: UpgradedSchema = {"ok": True, "before": before.found, "now": after.found or after.wanted}
        say_json(upgraded)
    elif before.state is SchemaState.CURRENT:
        say(f"The database already has schema {after.found}.")
    else:
        say(f"The database now has schema {after.found} (it was {before.found or 'empty'}).")


def check(where: AtDatabase, as_json: bool) -> int:
    """Print the database's schema, and return the exit code that says whether it is the one of this version."""
    url = _url(where)
    found = schema.check(url)
    current = found.state is SchemaState.CURRENT
    if as_json:
        checked: SchemaFound = {"ok": current, "state": found.state.value, "found": found.found, "wanted": found.wanted}
        say_json(checked)
    elif current:
        say(f"The database has the schema of this version, {found.wanted}.")
    elif found.state is SchemaState.EMPTY:
        say(f"There is no database at {shown_place(url)} yet; `scalpbot db upgrade` creates it.")
    else:
        say(schema.refusal(shown_place(url), found))
    return 0 if current else DID_NOT_HOLD


def accept_restore(where: AtDatabase, as_json: bool) -> None:
    """Take a restored database as it is and print what that did; raise InputError where there is nothing to accept."""
    url, settings = url_read(where), read_settings(where.config)
    known = known_anchors(settings.runtime, url)
    with closing(open_store(url)) as store:
        done = accept_restored(store, known, getpass.getuser(), int(time.time()))
        begun = _anchored_anew(store, known.path, settings.runtime, url)
    kept_as = None if done.anchors_kept_as is None else str(done.anchors_kept_as)
    if as_json:
        document: AcceptedRestore = {
            "ok": True,
            "why": done.why,
            "anchors_kept_as": kept_as,
            "commands_skipped": done.commands_skipped,
            "sessions_ended": done.sessions_ended,
            "tokens_ended": done.tokens_ended,
            "kill_switch_was_on": done.kill_switch_was_on,
            "anchors_begun": begun,
        }
        say_json(document)
        return
    say(f"The database {shown_place(url)} is accepted as it is.")
    say(
        f"Ended {done.sessions_ended} sessions and {done.tokens_ended} tokens, and skipped {done.commands_skipped} "
        "commands that waited."
    )
    if kept_as is not None:
        say(f"The anchors so far were kept as {kept_as}.")
    switch = "was on already" if done.kill_switch_was_on else "is on now"
    say(f"The kill switch {switch}: `scalpbot commands send KILL_SWITCH_OFF` lets entries through.")
    say("Look through the users first: anyone disabled or demoted after the copy was made is not any longer.")


def _anchored_anew(store: Store, path: Path | None, runtime: RuntimeSettings, url: str) -> bool:
    """Write the first of the new anchors, and return whether that could be done; whoever trades does it as well."""
    if path is None:
        return False
    try:
        begin_anchors(store, path, signing_key(runtime, url, token_bytes, lambda _path: None), int(time.time()))
    except (AnchorError, InputError, OSError) as fault:
        note(f"The first new anchor is left to the process that trades ({fault}).")
        return False
    return True


def _url(where: AtDatabase) -> str:
    return database_url(where.database, read_settings(where.config))
