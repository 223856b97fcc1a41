"""The application: every route behind its guard, every answer in its envelope."""

from typing import Any

from fastapi import FastAPI

from services.api.context import Measures, Platform
from services.api.envelope import Envelope
from services.api.heavy import Heavy
from services.api.openapi import describe
from services.api.problems import answer_problems
from services.api.routes.commands import register_commands
from services.api.routes.events import register_events
from services.api.routes.exports import register_exports
from services.api.routes.params import register_params, register_settings
from services.api.routes.reads import register_audit, register_ledger, register_market
from services.api.routes.sessions import register_sessions
from services.api.routes.signing import register_signing
from services.api.routes.status import register_health, register_status
from services.api.routes.users import register_users
from services.api.security.guard import GuardedRoute
from services.api.security.proving import Proving


def create_app(platform: Platform) -> FastAPI:
    """Return the application that works with a platform; nothing of it is public but what `access` says."""
    app = FastAPI(title="Scalp Bot", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.route_class = GuardedRoute
    app.state.platform = platform
    measures, heavy = Measures(platform.health), Heavy()
    proving = Proving(platform, measures)
    register_signing(app, platform, proving)
    register_sessions(app, platform)
    register_users(app, platform, proving)
    register_status(app, platform)
    register_health(app, platform)
    register_market(app, platform)
    register_ledger(app, platform)
    register_audit(app, platform, heavy)
    register_params(app, platform)
    register_settings(app, platform)
    register_commands(app, platform)
    register_exports(app, platform, heavy)
    register_events(app, platform)

    @app.get("/api/openapi.json", tags=["platform"], summary="This description")
    def openapi() -> dict[str, Any]:
        return describe(app, platform)

    answer_problems(app)
    app.add_middleware(Envelope, platform=platform, measures=measures)
    return app
