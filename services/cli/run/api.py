"""The verb `run api`: the HTTP API in this process."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from services.cli.inputs import read_settings
from services.cli.options import ConfigFile
from services.cli.stored import Database, database_url

if TYPE_CHECKING:
    from services.api.context import Platform
    from shared.runtime.process import Surroundings
    from shared.settings.settings import Settings
    from shared.store.port import Store

Host: TypeAlias = Annotated[str, typer.Option("--host", metavar="HOST", help="Where requests are answered.")]
Port: TypeAlias = Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port on which they are.")]
BehindTls: TypeAlias = Annotated[
    bool,
    typer.Option("--behind-tls", help="TLS ends before us: allows any --host, and binds cookies to TLS."),
]
PublishedOnLoopback: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--published-on-loopback",
        help="We are in a container whose port is published on 127.0.0.1 only: allows any --host without TLS, and "
        "answers only requests for localhost.",
    ),
]
TrustedProxies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--trusted-proxy", metavar="ADDRESS", help="Whose X-Forwarded-For names the client; repeatable."),
]
BootstrapFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--bootstrap-file", metavar="FILE", help="Holds the password of the first user, admin, where there is none."
    ),
]
Instance: TypeAlias = Annotated[
    str | None, typer.Option("--instance", metavar="NAME", help="Name of this process. Default: host and process id.")
]
HealthHost: TypeAlias = Annotated[
    str, typer.Option("--health-host", metavar="HOST", help="Where /metrics is served without a session.")
]
HealthPort: TypeAlias = Annotated[
    int, typer.Option("--health-port", min=0, max=65_535, help="Port on which it is; 0 takes any.")
]


def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    behind_tls: BehindTls = False,
    published_on_loopback: PublishedOnLoopback = False,
    trusted_proxy: TrustedProxies = None,
    bootstrap_file: BootstrapFile = None,
    database: Database = None,
    instance: Instance = None,
    health_host: HealthHost = "127.0.0.1",
    health_port: HealthPort = 9104,
    config: ConfigFile = None,
) -> None:
    """Answer requests over HTTP: sign in, read everything that the platform holds, follow what happens."""
    from services.api.context import SERVICE
    from services.api.lifetime import recorded
    from services.api.serving import listening, require_safe_address, require_users, serve
    from services.cli.process import served_process
    from shared.store.sql_store import open_store

    require_safe_address(host, behind_tls, published_on_loopback)
    settings = read_settings(config)
    url = database_url(database, settings)
    with (
        listening(host, port) as listener,
        served_process(SERVICE, instance, health_host, health_port) as around,
    ):
        store = around.patiently("store", lambda: open_store(url))
        if store is None:
            return
        try:
            platform = platform_of(around, store, settings, url, behind_tls)
            require_users(platform, bootstrap_file)
            with recorded(platform):
                serve(platform, listener, trusted_proxy or ())
        finally:
            store.close()


def platform_of(around: "Surroundings", store: "Store", settings: "Settings", url: str, behind_tls: bool) -> "Platform":
    """Return what the API works with."""
    from importlib.metadata import version
    from secrets import token_urlsafe

    from services.api.context import Platform
    from services.api.security.passwords import Passwords
    from shared.anchors.places import known_anchors

    return Platform(
        store=store,
        settings=settings,
        passwords=Passwords(),
        health=around.health,
        log=around.log,
        instance=around.instance,
        version=version("scalpbot"),
        clock=around.clock,
        token=token_urlsafe,
        stopped=around.stopped,
        behind_tls=behind_tls,
        crash=around.crash,
        anchors=known_anchors(settings.runtime, url),
    )
