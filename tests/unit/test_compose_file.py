"""docker-compose.yml: TLS and authentication everywhere, no secret in it, nothing as root, loopback only."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TEXT = (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root_or_with_rights(name: str) -> None:
    """A user of its own, no capability, no way to new ones."""
    service = SERVICES[name]
    assert service["user"] == "${MLLOG_UID:-1000}:0"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_bound_to_this_machine() -> None:
    """Unless .env says otherwise; every service but the installer has one."""
    ports = {name: service["ports"] for name, service in SERVICES.items() if service.get("ports")}
    assert set(ports) == set(SERVICES) - {"install"}
    assert [port for several in ports.values() for port in several if not port.startswith("${BIND:-127.0.0.1}:")] == []


def test_no_secret_stands_in_the_file() -> None:
    """Neither as a value nor as a variable that `docker inspect` would show."""
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|TOKEN|API_KEY|SECRET", key) or key.endswith("_FILE"), key
            assert "password" not in str(value) or key.endswith("_FILE")
    example = (ROOT / ".env.example").read_text()
    assert not re.search(r"(?i)^[^#]*(password|token|key)=", example, re.MULTILINE)


def test_each_service_sees_its_own_secrets_only() -> None:
    """Only the one that makes them sees the whole folder; the authority's key is in none of the others."""
    for name, service in SERVICES.items():
        mounts = [mount.split(":/")[0] for mount in service["volumes"] if "SECRETS" in mount]
        own = {f"${{SECRETS:-./secrets}}/{name}", "${SECRETS:-./secrets}/ca.crt"}
        assert set(mounts) == ({"${SECRETS:-./secrets}"} if name == "install" else own)


def test_everything_talks_tls() -> None:
    """Elasticsearch, Kibana and Logstash, on both of their sides."""
    elastic = SERVICES["elasticsearch"]["environment"]
    for setting in ("security", "security.http.ssl", "security.transport.ssl"):
        assert elastic[f"xpack.{setting}.enabled"] == "true"
    assert SERVICES["kibana"]["environment"]["SERVER_SSL_ENABLED"] == "true"
    assert SERVICES["logstash"]["environment"]["MLLOG_LOGSTASH_TLS"] == "true"
    assert not re.search(r"http://(?!127\.0\.0\.1:9600)", TEXT)


def test_every_file_that_is_mounted_is_there() -> None:
    """A missing one would become an empty folder."""
    mounted = [mount for service in SERVICES.values() for mount in service["volumes"] if mount.startswith("./")]
    assert mounted
    assert [mount for mount in mounted if not (ROOT / mount.split(":/")[0]).exists()] == []


def test_every_variable_is_explained() -> None:
    """What the file asks for, .env.example says."""
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    assert asked == set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_logstash_finds_what_its_configuration_asks_for() -> None:
    """Variables of the pipelines without a default are set, and those that are set are asked for."""
    # A team beside the others (team.conf) brings its own.
    files = [path for path in (ROOT / "logstash").rglob("*") if path.is_file() and path.name != "team.conf"]
    settings = "".join(path.read_text() for path in files)
    service = SERVICES["logstash"]
    given = set(service["environment"]) | set(re.findall(r"export (\w+)=", str(service["command"])))
    assert set(re.findall(r"\$\{(\w+)\}", settings)) <= given
    assert given <= set(re.findall(r"\$\{(\w+)[:}]", settings))


@pytest.mark.slow  # keys of 4,096 bits
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_secrets_are_made_once_and_fit(tmp_path: Path) -> None:
    """Every certificate is of the authority, every key is its certificate's, and only the owner can read them."""
    command = ["sh", str(ROOT / "elastic/secrets.sh"), str(tmp_path / "s")]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    files = {path: path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file()}
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    assert {path: path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file()} == files
    assert len(files) > 6
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    for name in ("elasticsearch", "kibana", "logstash"):
        folder = tmp_path / "s" / name
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "tls.crt", folder / "tls.key")
        verify = ["openssl", "verify", "-x509_strict", "-CAfile", tmp_path / "s/ca.crt", folder / "tls.crt"]
        assert subprocess.run(verify, capture_output=True, check=False, timeout=PATIENCE).returncode == 0
        assert (folder / "tls.key").read_text().startswith("-----BEGIN PRIVATE KEY-----")  # PKCS#8, as Logstash wants
    assert len((tmp_path / "s/elasticsearch/password").read_text()) == 64
