"""The application: every route behind its guard, every answer in its envelope."""

import time
from typing import Any

from fastapi import FastAPI

from services.api.admission import Admission
from services.api.context import ApiContext
from services.api.envelope import Envelope
from services.api.metrics import ApiMetrics
from services.api.openapi import describe
from services.api.problems import answer_problems
from services.api.reading import Reading
from services.api.root_path import BelowPath
from services.api.routes.commands import register_commands
from services.api.routes.events import register_events
from services.api.routes.exports import register_exports
from services.api.routes.params import register_params, register_settings
from services.api.routes.reads import register_audit, register_ledger, register_market
from services.api.routes.second_factors import register_second_factors
from services.api.routes.sessions import register_sessions
from services.api.routes.signing import register_signing
from services.api.routes.status import register_health, register_status
from services.api.routes.tokens import register_tokens
from services.api.routes.users import register_users
from services.api.security.guard import SESSION_SECONDS, GuardedRoute, cookie_name
from services.api.security.hosts import OwnNames
from services.api.security.known_sessions import KnownSessions
from services.api.security.proving import Proving
from services.api.threads import Threads, bounded_reading
from services.api.work_limit import WorkLimit


def create_app(context: ApiContext) -> FastAPI:
    """Return the application that answers requests; nothing of it is public but what `access` says."""
    app = FastAPI(
        title="Scalp Bot",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=bounded_reading,
    )
    app.router.route_class = GuardedRoute
    app.state.context = context
    metrics, heavy = context.health.metrics.of(ApiMetrics), WorkLimit()
    app.state.reading = Reading()
    threads = app.state.threads = Threads()
    known = app.state.known = KnownSessions(time.monotonic, SESSION_SECONDS.idle)
    proving = Proving(context, metrics, threads, known)
    register_signing(app, context, proving)
    register_sessions(app, context)
    register_second_factors(app, context)
    register_users(app, context, proving)
    register_tokens(app, context)
    register_status(app, context)
    register_health(app, context, threads)
    register_market(app, context)
    register_ledger(app, context)
    register_audit(app, context, heavy)
    register_params(app, context)
    register_settings(app, context)
    register_commands(app, context, threads)
    register_exports(app, context, heavy)
    register_events(app, context, threads)

    @app.get("/api/openapi.json", tags=["platform"], summary="This description")
    def openapi() -> dict[str, Any]:
        return describe(app, context)

    answer_problems(app)
    if not context.behind_tls:
        app.add_middleware(OwnNames, context=context)
    admission = Admission(known, cookie_name(context), context.root_path)
    app.add_middleware(Envelope, context=context, metrics=metrics, admission=admission)
    if context.root_path:
        app.add_middleware(BelowPath, root_path=context.root_path)
    return app
