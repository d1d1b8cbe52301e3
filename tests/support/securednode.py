"""A real Elasticsearch with security and TLS on, from an installation that is there; it ends with the tests."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from support.loopback import free_port
from support.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
USER = "tester"
PASSWORD = "made-up-for-the-tests"
_HEAP = "768m"


@dataclass(frozen=True)
class SecuredNode:
    """Where it is, and the authority that signed its certificate."""

    url: str
    ca: Path
    folder: Path

    def client(self, api_key: str | None = None) -> httpx.Client:
        """A client of the superuser, or of an API key (`id:key`)."""
        encoded = base64.b64encode((api_key or "").encode()).decode()
        return httpx.Client(
            base_url=self.url,
            auth=None if api_key else (USER, PASSWORD),
            headers={"authorization": f"ApiKey {encoded}"} if api_key else {},
            verify=ssl.create_default_context(cafile=self.ca),
            timeout=PATIENCE,
            trust_env=False,
        )


def why_not(home: str | None) -> str:
    """Why no node can be started from an installation; empty where one can."""
    if not home:
        return "MLLOG_TEST_ELASTICSEARCH_HOME is not set"
    if not (Path(home) / "lib/tools/server-launcher").is_dir():
        return f"{home} is no Elasticsearch"
    if Path(home).stat().st_uid == 0:
        return f"{home} belongs to root, and Elasticsearch does not run as root"
    if shutil.which("openssl") is None:
        return "needs openssl"
    return "" if _java() else "needs a JDK of version 21 or later"


def _java() -> Path | None:
    named = os.environ.get("JDK_NEW")
    found = [Path(named)] if named else sorted(Path("/usr/lib/jvm").glob("*2[1-9]*"))
    return next((path / "bin/java" for path in reversed(found) if (path / "bin/java").exists()), None)


@contextmanager
def secured_node(home: Path) -> Iterator[SecuredNode]:
    """Start a node on free ports with a folder of its own, and stop it."""
    folder = Path(tempfile.mkdtemp(prefix="mllog-secured-"))
    try:
        port = free_port()
        _configure(home, folder, port)
        node = SecuredNode(f"https://127.0.0.1:{port}", folder / "secrets/ca.crt", folder)
        process = _start(home, folder)
        try:
            _wait(node, process, folder)
            yield node
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder)


def _configure(home: Path, folder: Path, port: int) -> None:
    command = ["sh", str(ROOT / "elastic/secrets.sh"), str(folder / "secrets")]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    config = folder / "config"
    (config / "certs").mkdir(parents=True)
    for name in ("jvm.options", "log4j2.properties", "role_mapping.yml", "roles.yml"):
        shutil.copy(home / "config" / name, config)
    for name in ("tls.key", "tls.crt"):
        shutil.copy(folder / "secrets/elasticsearch" / name, config / "certs")
    settings = {
        "cluster.name": "mllog-test-secured",
        "network.host": "127.0.0.1",
        "http.port": port,
        "transport.port": free_port(),
        "discovery.type": "single-node",
        "path.data": folder / "data",
        "path.logs": folder / "logs",
        "xpack.security.enabled": "true",
        "xpack.security.http.ssl.enabled": "true",
        "xpack.security.http.ssl.key": "certs/tls.key",
        "xpack.security.http.ssl.certificate": "certs/tls.crt",
        "xpack.license.self_generated.type": "trial",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    (config / "elasticsearch.yml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    salt = os.urandom(32)
    digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 10_000, 32)
    hashed = "$".join(("{PBKDF2}10000", *(base64.b64encode(part).decode() for part in (salt, digest))))
    (config / "users").write_text(f"{USER}:{hashed}\n")
    (config / "users_roles").write_text(f"superuser:{USER}\n")
    for name in ("data", "logs", "tmp"):
        (folder / name).mkdir()
    owner = home.stat()
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)


def _start(home: Path, folder: Path) -> subprocess.Popen[bytes]:
    owner = home.stat()
    java = _java()
    assert java is not None
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "JAVA": str(java),
        "JAVA_TYPE": "ES_JAVA_HOME",
        "ES_JAVA_OPTS": f"-Xms{_HEAP} -Xmx{_HEAP}",
        "ES_DISTRIBUTION_TYPE": "zip",
        "ES_HOME": str(home),
        "ES_PATH_CONF": str(folder / "config"),
        "ES_TMPDIR": str(folder / "tmp"),
    }
    launcher = ["-Xmx64m", "-XX:+UseSerialGC", "-cp", f"{home}/lib/tools/server-launcher/*"]
    as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with (folder / "out").open("wb") as out:
        return subprocess.Popen(
            [str(java), *launcher, "org.elasticsearch.server.launcher.ServerLauncher"],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **as_owner,  # type: ignore[call-overload, unused-ignore] - by keyword, or not at all
        )


def _wait(node: SecuredNode, process: subprocess.Popen[bytes], folder: Path) -> None:
    def said() -> str:
        return (folder / "out").read_text(errors="replace")[-1500:]

    with node.client() as client:

        def answers() -> bool:
            assert process.poll() is None, f"the node ended: {said()}"
            try:
                # Roles lie in an index that the first one makes; until it is up, reading them is a 503.
                role = "/_security/role/of_the_tests"
                return client.put(role, json={}).status_code == client.get(role).status_code == 200
            except httpx.TransportError:
                return False

        try:
            wait_until(answers)
        except AssertionError as error:
            error.add_note(f"the node said: {said()}")
            raise


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The launcher and its server: the process group that they have to themselves."""

    def gone() -> bool:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    for number, seconds in ((signal.SIGTERM, 60), (signal.SIGKILL, PATIENCE)):
        try:
            os.killpg(process.pid, number)
            wait_until(gone, seconds)
        except ProcessLookupError:
            return
        except AssertionError:
            if number == signal.SIGKILL:
                raise
            continue
        return
