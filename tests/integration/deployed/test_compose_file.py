"""docker-compose.yml: who reaches whom, and what each container is given, as far as the file decides it."""

import re
from typing import Any, Final

import pytest

from tests.integration.deployed.compose_file import DOORS, MAIN, read_compose
from tests.repository import ROOT

TRADING: Final = ("ingest", "strategy", "executor")
SERVICES: Final = (*TRADING, "api")
SERVERS: Final = ("rabbitmq", "postgres")
# Who shares a network with whom. The broker never shares one with the database, nor the API with a service.
REACHES: Final = {
    "postgres": {"init", "ingest", "strategy", "executor", "api", "upkeep"},
    "rabbitmq": {"init", "ingest", "strategy", "executor"},
    "init": {"postgres", "rabbitmq", "ingest", "strategy", "executor"},
    "ingest": {"postgres", "rabbitmq", "init", "strategy", "executor"},
    "strategy": {"postgres", "rabbitmq", "init", "ingest", "executor"},
    "executor": {"postgres", "rabbitmq", "init", "ingest", "strategy"},
    "api": {"postgres"},
    "upkeep": {"postgres"},
}
# Who asks something of the world: candles, prices and the calendar; prices and closes.
ASK_OUTSIDE: Final = {"ingest", "executor"}
OPEN: Final = {"ingest": {9101}, "strategy": {9102}, "executor": {9103}, "api": {8000, 9104}}
DOORS_OPEN: Final = {"postgres": {5432}, "rabbitmq": {15672}}
WITHOUT_MASQUERADE: Final = {"com.docker.network.bridge.enable_ip_masquerade": "false"}


@pytest.fixture(name="closed")
def closed_() -> dict[str, Any]:
    """Return the file as it is used unless doors are asked for."""
    return read_compose(MAIN)


@pytest.fixture(name="opened")
def opened_() -> dict[str, Any]:
    """Return the file with the doors to the servers laid over it."""
    return read_compose(MAIN, DOORS)


def neighbours(document: dict[str, Any]) -> dict[str, set[str]]:
    """Return for each service the others with whom it shares a network."""
    networks = {name: set(service["networks"]) for name, service in document["services"].items()}
    return {
        name: {other for other in networks if other != name and networks[other] & own} for name, own in networks.items()
    }


def ports(document: dict[str, Any]) -> dict[str, list[tuple[str, int]]]:
    """Return for each service that publishes ports the address of each, and the port inside."""
    found = {}
    for name, service in document["services"].items():
        if service.get("ports"):
            parts = [str(port).rsplit(":", 2) for port in service["ports"]]
            assert all(len(each) == 3 for each in parts), f"{name} publishes a port on every address of the machine"
            found[name] = [(each[0], int(each[2])) for each in parts]
    return found


@pytest.mark.parametrize("files", [(MAIN,), (MAIN, DOORS)], ids=["closed", "doors"])
def test_containers_share_a_network_with_those_they_talk_to_and_nobody_else(files: tuple[str, ...]) -> None:
    assert neighbours(read_compose(*files)) == REACHES


def test_only_who_asks_something_of_the_world_has_a_way_out(opened: dict[str, Any]) -> None:
    ways_out = {
        name for name, network in opened["networks"].items() if network is None or not network.get("internal", False)
    }
    with_masquerade = {
        name for name in ways_out if (opened["networks"][name] or {}).get("driver_opts") != WITHOUT_MASQUERADE
    }
    asking = {name for name, service in opened["services"].items() if with_masquerade & set(service["networks"])}
    assert asking == ASK_OUTSIDE
    assert {"database", "api_database", "broker"}.isdisjoint(ways_out)


@pytest.mark.parametrize("files", [(MAIN,), (MAIN, DOORS)], ids=["closed", "doors"])
def test_who_has_ports_is_on_one_network_that_can_have_them(files: tuple[str, ...]) -> None:
    document = read_compose(*files)
    internal = {name for name, network in document["networks"].items() if network and network.get("internal")}
    for name in document["services"]:
        # With two of them, which one the port is published on would be for docker to choose.
        expected = 1 if name in ports(document) else 0
        assert len(set(document["services"][name]["networks"]) - internal) == expected, name


def test_every_port_is_published_on_the_local_machine_only(opened: dict[str, Any]) -> None:
    assert {host for published in ports(opened).values() for host, _ in published} == {"127.0.0.1"}


def test_servers_have_no_ports_unless_their_doors_are_asked_for(closed: dict[str, Any], opened: dict[str, Any]) -> None:
    def inside(document: dict[str, Any]) -> dict[str, set[int]]:
        return {name: {port for _, port in published} for name, published in ports(document).items()}

    assert inside(closed) == OPEN
    assert inside(opened) == {**OPEN, **DOORS_OPEN}


def test_every_container_is_limited_in_memory_processors_and_processes(closed: dict[str, Any]) -> None:
    for name, service in closed["services"].items():
        assert re.fullmatch(r"\d+[mg]", str(service["mem_limit"])), name
        # Docker refuses more processors than the machine has.
        assert 0 < float(service["cpus"]) <= 1, name
        assert 50 <= int(service["pids_limit"]) <= 500, name


def test_no_container_runs_as_root_or_writes_beyond_its_volumes(closed: dict[str, Any]) -> None:
    for name, service in closed["services"].items():
        assert service["user"] not in ("", "0", "root"), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_no_container_is_given_a_secret_in_its_environment(closed: dict[str, Any]) -> None:
    for name, service in closed["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASS|URL|KEY|SECRET", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert (value or "/run/secrets/").startswith("/run/secrets/"), (name, variable)


def test_each_service_is_given_its_own_user_and_no_other(closed: dict[str, Any]) -> None:
    others = {
        "ingest": {"rabbitmq_url_ingest", "oanda_api_key", "oanda_account_id"},
        "strategy": {"rabbitmq_url_strategy"},
        "executor": {"rabbitmq_url_executor", "audit_anchor_key", "oanda_api_key", "oanda_account_id"},
        "api": {"api_first_password", "audit_anchor_public_key"},
    }
    others["upkeep"] = set()
    for name in (*SERVICES, "upkeep"):
        assert set(closed["services"][name]["secrets"]) == {f"database_url_{name}", *others[name]}


def test_nothing_is_closed_at_the_broker_unless_that_is_asked_for(closed: dict[str, Any]) -> None:
    allowed = {
        name: service.get("environment", {}).get("LIVE_TRADING_ENABLED") for name, service in closed["services"].items()
    }
    assert allowed == {**dict.fromkeys(closed["services"]), "executor": False}


def test_only_the_executor_may_write_anchors(closed: dict[str, Any]) -> None:
    mounted = {
        (name, volume)
        for name, service in closed["services"].items()
        for volume in service.get("volumes", [])
        if "anchors" in volume
    }
    assert mounted == {("executor", "anchors:/anchors"), ("api", "anchors:/anchors:ro")}


def test_everything_but_the_preparing_job_is_watched_and_restarted(closed: dict[str, Any]) -> None:
    for name in (*SERVICES, *SERVERS, "upkeep"):
        assert closed["services"][name]["restart"] == "unless-stopped", name
        assert closed["services"][name]["healthcheck"]["test"], name
    assert closed["services"]["init"]["restart"] == "no"


def test_services_wait_for_servers_and_for_the_preparing_job(closed: dict[str, Any]) -> None:
    for name in SERVICES:
        conditions = {other: wait["condition"] for other, wait in closed["services"][name]["depends_on"].items()}
        healthy = dict.fromkeys(SERVERS[1:] if name == "api" else SERVERS, "service_healthy")
        assert conditions == {"init": "service_completed_successfully", **healthy}


def test_images_that_are_fetched_can_be_pinned(closed: dict[str, Any]) -> None:
    script = (ROOT / "deploy" / "docker" / "pin.sh").read_text(encoding="utf-8")
    text = (ROOT / MAIN).read_text(encoding="utf-8")
    images = set(re.findall(r"\$\{(\w+_IMAGE):-", text)) - {"SCALPBOT_IMAGE"}
    assert images == set(re.findall(r"\b([A-Z]+_IMAGE)\b", script))
    assert {name for name, service in closed["services"].items() if "build" not in service} == {"postgres", "rabbitmq"}
