"""The routes to parameters that change while the platform runs: read, replaced in versions, put into force at once."""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import FastAPI, Query, Response

from services.api.context import ApiContext
from services.api.problems import PROBLEM_CONTENT, ProblemError
from services.api.security.access import Principal
from services.api.security.guard import CurrentPrincipal
from services.api.shapes.pages import Page, PageQuery, page
from services.api.shapes.params import (
    ParamsSaved,
    ParamsVersion,
    PlatformSettings,
    SettingsChange,
    StrategyParams,
    StrategyParamsChange,
    StrategyPath,
)
from shared.contracts.errors import InputError
from shared.contracts.params import SETTINGS_SECTIONS
from shared.contracts.times import format_time
from shared.runtime.param_versions import StaleParamsError, require_newest, save_params, section_of, with_params
from shared.runtime.remembered import remembered_settings
from shared.settings.settings import Settings
from shared.store.port import Reader
from shared.store.rows.params import ParamsRow

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {"model": ParamsSaved, "description": "Nothing changed: these are the newest values already"},
    HTTPStatus.CONFLICT.value: {"description": "A newer version was saved meanwhile", "content": PROBLEM_CONTENT},
}


def register_params(app: FastAPI, context: ApiContext) -> None:
    """Add the routes to the parameters of strategies."""

    @app.get("/api/strategy-params/{strategy}", tags=["parameters"], summary="A strategy's parameters by profile")
    def read(strategy: StrategyPath) -> StrategyParams:
        with context.store.reading() as reader:
            return _strategy_params(reader, context.settings, strategy)

    @app.get(
        "/api/strategy-params/{strategy}/versions",
        tags=["parameters"],
        summary="All versions of a strategy's parameters",
    )
    def versions(strategy: StrategyPath, query: Annotated[PageQuery, Query()]) -> Page[ParamsVersion]:
        with context.store.reading() as reader:
            return _versions(reader, [strategy], query)

    @app.put(
        "/api/strategy-params/{strategy}",
        tags=["parameters"],
        summary="Replace a strategy's parameters",
        status_code=HTTPStatus.ACCEPTED,
        responses=_ANSWERS,
    )
    def replace(
        strategy: StrategyPath, change: StrategyParamsChange, principal: CurrentPrincipal, response: Response
    ) -> ParamsSaved:
        """Save a new version; the command that comes with it puts it into force from the next candle on."""
        sections = {strategy: change.profiles.model_dump()}
        return _save(context, principal, response, sections, group=[strategy], replaces=change.replaces)


def register_settings(app: FastAPI, context: ApiContext) -> None:
    """Add the routes to the settings."""

    @app.get("/api/settings", tags=["parameters"], summary="Every effective setting, secrets as ***")
    def read() -> PlatformSettings:
        with context.store.reading() as reader:
            return _settings(reader, context.settings)

    @app.get("/api/settings/versions", tags=["parameters"], summary="All versions of the settings that can change")
    def versions(query: Annotated[PageQuery, Query()]) -> Page[ParamsVersion]:
        with context.store.reading() as reader:
            return _versions(reader, SETTINGS_SECTIONS, query)

    @app.put(
        "/api/settings",
        tags=["parameters"],
        summary="Replace gate limits, risk, or settings of single pairs",
        status_code=HTTPStatus.ACCEPTED,
        responses=_ANSWERS,
    )
    def replace(change: SettingsChange, principal: CurrentPrincipal, response: Response) -> ParamsSaved:
        """Save new versions; the command that comes with them puts them into force from the next candle on.

        Open positions keep their stops and targets.
        """
        sections = change.model_dump(mode="json", include=set(SETTINGS_SECTIONS), exclude_none=True)
        if not sections:
            raise InputError(f"body: name at least one of {', '.join(SETTINGS_SECTIONS)}")
        return _save(context, principal, response, sections, group=SETTINGS_SECTIONS, replaces=change.replaces)


def _save(
    context: ApiContext,
    principal: Principal,
    response: Response,
    sections: Mapping[str, object],
    *,
    group: Collection[str],
    replaces: int | None,
) -> ParamsSaved:
    try:
        with context.store.transaction() as transaction:
            if replaces is not None:
                require_newest(transaction, group, replaces)
            begun_with = remembered_settings(transaction, context.settings)
            actor, now = principal.actor, int(context.clock())
            saved = save_params(transaction, begun_with, sections, actor, now)
    except StaleParamsError as stale:
        raise ProblemError(HTTPStatus.CONFLICT, str(stale)) from stale
    if not saved.rows:
        response.status_code = HTTPStatus.OK
    command_id = None if saved.command is None else saved.command.id
    return ParamsSaved(versions=[_shown(row) for row in saved.rows], command_id=command_id)


def _strategy_params(reader: Reader, own: Settings, strategy: StrategyPath) -> StrategyParams:
    begun_with = remembered_settings(reader, own)
    version, rows = reader.active_params_version(), reader.newest_params()
    active, newest = with_params(begun_with, reader.newest_params(version)), _newest(begun_with, rows)
    pairs = {row.pair for row in reader.newest_candles()} | set(active.pairs)
    judged = {pair: active.pair(pair) for pair in sorted(pairs)}
    return StrategyParams(
        strategy=strategy,
        pairs={pair: each.profile for pair, each in judged.items() if each.strategy == strategy},
        active_version=_version_of(reader.newest_params(version), [strategy]),
        active=section_of(active, strategy),
        newest_version=_version_of(rows, [strategy]),
        newest=section_of(newest, strategy),
    )


def _settings(reader: Reader, own: Settings) -> PlatformSettings:
    begun_with = remembered_settings(reader, own)
    active, rows = reader.newest_params(reader.active_params_version()), reader.newest_params()
    newest = _newest(begun_with, rows)
    shown = with_params(begun_with, active).model_copy(update={"runtime": own.runtime, "deployment": own.deployment})
    return PlatformSettings(
        active_version=_version_of(active, SETTINGS_SECTIONS),
        newest_version=_version_of(rows, SETTINGS_SECTIONS),
        settings=shown.model_copy(update={"live": own.live}).redacted(),
        changeable={section: section_of(newest, section) for section in SETTINGS_SECTIONS},
    )


def _newest(begun_with: Settings, rows: Collection[ParamsRow]) -> Settings:
    """Return the settings with the newest versions; those of plain SQL that make no sense never come into force."""
    for row in rows:
        try:
            begun_with = with_params(begun_with, [row])
        except InputError:
            continue
    return begun_with


def _version_of(rows: Collection[ParamsRow], sections: Collection[str]) -> int:
    return max((row.version for row in rows if row.section in sections), default=0)


def _versions(reader: Reader, sections: Collection[str], query: PageQuery) -> Page[ParamsVersion]:
    return page(reader.list_params(list(sections), query.span()), query.limit, _shown)


def _shown(row: ParamsRow) -> ParamsVersion:
    return ParamsVersion(
        version=row.version,
        section=row.section,
        body=_body(row.body_json),
        hash=row.hash,
        actor=row.actor,
        created=format_time(row.created_time),
        activated=None if row.activated_time is None else format_time(row.activated_time),
        activated_command_id=row.activated_command_id,
    )


def _body(body_json: str) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(body_json)
    except msgspec.DecodeError:
        # Plain SQL may have put anything there.
        body = None
    return body if isinstance(body, dict) else {"unreadable": body_json[:1_000]}
