"""docker-compose.yml: valid, closed to the network, and in step with the program that it starts."""

import json
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from api.cli import app
from api.settings import Settings
from tests.parts import lacking

TOP = Path(__file__).resolve().parents[3]
OURS = {"migrate", "serve", "ingest", "work", "watchdog"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((TOP / "docker-compose.yml").read_text())
    return loaded


def check(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Have docker-compose judge a file of this text."""
    program = shutil.which("docker-compose")
    if program is None:
        lacking("docker-compose, which judges docker-compose.yml: apt-get install docker-compose")
    (folder / "docker-compose.yml").write_text(text)
    return subprocess.run(
        [program, "config"], cwd=folder, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
    )


def test_docker_compose_takes_it(tmp_path: Path) -> None:
    done = check(tmp_path, (TOP / "docker-compose.yml").read_text())
    assert done.returncode == 0, done.stderr
    judged = yaml.safe_load(done.stdout)
    assert set(judged["services"]) == OURS | {"database", "broker", "turn"}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("restart: unless-stopped", "restrat: unless-stopped"),
        ("migrate: {condition", "nobody: {condition"),
        ("ports: [", "ports: [["),
    ],
)
def test_docker_compose_would_refuse_a_mistake(tmp_path: Path, right: str, wrong: str) -> None:
    text = (TOP / "docker-compose.yml").read_text()
    assert right in text
    assert check(tmp_path, text.replace(right, wrong, 1)).returncode != 0


def test_every_port_is_bound_to_loopback_unless_the_operator_says_otherwise(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert [
        port
        for port in ports
        if not port.startswith(("127.0.0.1:", "${WARDLIGHT_MQTT_BIND:-127.0.0.1}:", "${WARDLIGHT_TURN_BIND:-127.0.0.1}:"))
    ] == []


def test_secrets_come_from_files_and_from_nowhere_else(compose: dict[str, Any]) -> None:
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    for name, service in compose["services"].items():
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        for key, value in service.get("environment", {}).items():
            assert key.endswith("_FILE") or not any(
                word in key for word in ("PASSWORD", "SECRET", "TOKEN", "DATABASE_URL", "MQTT_URL")
            ), key
            if str(value).startswith("/run/secrets/"):
                assert str(value).removeprefix("/run/secrets/") in service["secrets"], (name, key)
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    assert used == set(compose["secrets"])


def test_our_services_run_commands_that_exist_with_settings_that_exist(compose: dict[str, Any]) -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    known = {f"WARDLIGHT_{spec.name.upper()}" for spec in fields(Settings)}
    for name in OURS:
        service = compose["services"][name]
        assert service["command"] == [name]
        assert name in commands
        for setting in service["environment"]:
            assert setting in known or setting.removesuffix("_FILE") in known, setting


def test_our_services_have_no_privileges(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
    assert "USER wardlight" in (TOP / "Dockerfile").read_text()


def test_what_others_wait_for_says_when_it_is_well(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] == ("service_completed_successfully" if name == "migrate" else "service_healthy")
            assert name == "migrate" or "healthcheck" in services[name]
    assert "healthcheck" in services["serve"]


def test_every_file_it_mounts_is_there(compose: dict[str, Any]) -> None:
    mounts = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    files = [volume.split(":")[0] for volume in mounts if volume.startswith("./")]
    assert len(files) == 3
    assert [name for name in files if not (TOP / name).exists()] == []


def test_images_have_a_version(compose: dict[str, Any]) -> None:
    images = [service["image"] for service in compose["services"].values() if "build" not in service]
    assert all(":" in image and not image.endswith(":latest") for image in images), json.dumps(images)
