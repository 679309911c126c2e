"""The files of deploy/ are sound as far as they can be checked without the machines they are for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from alerts.channels.loading import open_channels
from alerts.links import SignedLinks
from config.loading import load_settings
from tests.sources import PACKAGES, ROOT

DEPLOY = ROOT / "deploy"
GRAFANA = ROOT / "config" / "grafana"


@pytest.fixture(scope="module")
def compose():
    """Return the compose file."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def _mounts(compose) -> list[str]:
    """Return every path of the project that the services mount."""
    volumes = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    return [volume.split(":")[0] for volume in volumes if volume.startswith(".")]


def test_compose_mounts_files_that_exist(compose):
    """Every mounted path exists, but for the secrets that the operator makes."""
    missing = [path for path in _mounts(compose) if "/secrets/" not in path and not (DEPLOY / path).exists()]

    assert [] == missing


def test_compose_names_only_what_it_declares(compose):
    """Volumes and secrets of the services are declared at the end, and all that is declared is used."""
    services = compose["services"].values()
    named = {volume.split(":")[0] for service in services for volume in service.get("volumes", [])}
    secrets = {secret for service in services for secret in service.get("secrets", [])}

    assert set(compose["volumes"]) == {name for name in named if not name.startswith(".")}
    assert set(compose["secrets"]) == secrets


def test_compose_publishes_only_the_broker_to_the_world(compose):
    """Console and Grafana listen on loopback: a reverse proxy with TLS stands before them."""
    published = {name for name, service in compose["services"].items() for port in service.get("ports", [])}
    open_to_all = {
        name
        for name, service in compose["services"].items()
        for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    }

    assert {"mosquitto", "lifeline", "grafana"} == published
    assert {"mosquitto"} == open_to_all


def test_compose_settings_open_their_channels(compose, tmp_path):
    """The settings of the container and its channels load, with the secrets that compose mounts and no others."""
    for name in compose["services"]["lifeline"]["secrets"]:
        (tmp_path / name).write_text("postgresql+psycopg://x@y/z" if name == "ledger-url" else "0123456789abcdef" * 2)
    text = (DEPLOY / "lifeline.yaml").read_text(encoding="utf-8").replace("/run/secrets", str(tmp_path))
    path = tmp_path / "lifeline.yaml"
    path.write_text(text, encoding="utf-8")

    settings = load_settings(path, {})
    channels = open_channels(settings.channels, SignedLinks(settings.console.public_url, b"secret"))

    assert ["sms"] == list(channels)
    assert ("mosquitto", 8882) == (settings.mqtt.host, settings.mqtt.port)
    assert {secret.name for secret in tmp_path.iterdir()} - {path.name} == set(
        re.findall(f"{tmp_path}/([a-z-]+)", text)
    )


def test_dockerfile_copies_files_that_exist():
    """Everything that the image is built from exists, and every package is among it."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copies = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    sources = {source for copy in copies for source in copy}

    assert [] == [source for source in sources if not (ROOT / source).exists()]
    assert set(PACKAGES) <= sources


def test_dockerfile_sources_pass_the_ignore_file():
    """Nothing that the image is built from is kept out of the build."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copies = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    kept = {line[1:] for line in ignored.splitlines() if line.startswith("!")}

    assert {source.split("/")[0] for copy in copies for source in copy} <= kept


@pytest.fixture
def systemd_analyze():
    """Return the path of systemd's checker."""
    return shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not installed")


def _unit(tmp_path: Path) -> Path:
    """Return a copy of the unit whose program and documents exist on this machine."""
    unit = tmp_path / "lifeline.service"
    text = (DEPLOY / "lifeline.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/lifeline/.venv/bin/lifeline", "/bin/true"), encoding="utf-8")
    return unit


def test_unit_on_systemd_is_accepted_and_tightly_confined(systemd_analyze, tmp_path):
    """Systemd understands every line and rates the exposure at 2.0 of 10 or less."""
    unit = _unit(tmp_path)
    verify = subprocess.run([systemd_analyze, "verify", unit], capture_output=True, text=True, check=False)
    rating = [systemd_analyze, "security", "--offline=true", "--threshold=20", "--no-pager", unit]
    security = subprocess.run(rating, capture_output=True, text=True, check=False)

    assert (0, "") == (verify.returncode, verify.stderr)
    assert 0 == security.returncode, security.stdout[-300:]


def test_unit_always_restarts():
    """However often and however the program ends, systemd starts it again."""
    text = (DEPLOY / "lifeline.service").read_text(encoding="utf-8")

    assert "\nRestart=always\n" in text
    assert "\nStartLimitIntervalSec=0\n" in text


def test_prometheus_scrapes_the_console(compose):
    """Prometheus asks the service and port that the compose file gives the console."""
    scrape = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    groups = [group for job in scrape["scrape_configs"] for group in job["static_configs"]]
    port = compose["services"]["lifeline"]["ports"][0].split(":")[-1]

    assert [f"lifeline:{port}"] == [target for group in groups for target in group["targets"]]


def test_grafana_provisioning_gets_its_variables_from_compose(compose):
    """Every variable of the data sources is set, and dashboards are mounted where the provider looks."""
    sources = (GRAFANA / "provisioning" / "datasources" / "lifeline.yaml").read_text(encoding="utf-8")
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "lifeline.yaml").read_text(encoding="utf-8"))
    grafana = compose["services"]["grafana"]
    mounted = {volume.split(":")[1] for volume in grafana["volumes"]}

    assert set(re.findall(r"\$\{(\w+)\}", sources)) <= set(grafana["environment"])
    assert provider["providers"][0]["options"]["path"] in mounted


@pytest.mark.parametrize("name", sorted(path.name for path in DEPLOY.glob("*.sh")))
def test_scripts_are_executable_and_parse(name):
    """A shell accepts the scripts as they stand."""
    path = DEPLOY / name

    assert path.stat().st_mode & 0o111
    assert 0 == subprocess.run(["sh", "-n", path], check=False).returncode
