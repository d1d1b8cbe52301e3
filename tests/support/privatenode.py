"""A real Elasticsearch of a test's own, which may be killed; out of the installation that the stack tier uses."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.loopback import free_port
from support.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
STACK = ROOT / "tests/stack/nodes/es.sh"
INSTALLED = Path(os.environ.get("ES_DIR", "/var/tmp/mllog-stack")) / "es-9.4.3"  # as es.sh has it
HEAP = "512m"


class PrivateNode:
    """A node in a folder of its own, on a port of its own.

    Args:
        folder: that the user who runs Elasticsearch can reach.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = folder / INSTALLED.name
        running = shutil.ignore_patterns("data", "logs", "logs.start", "es.pid")
        shutil.copytree(INSTALLED, self._home, ignore=running)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = {
            "cluster.name": "mllog-chaos",
            "network.host": "127.0.0.1",
            "http.port": port,
            "transport.port": free_port(),
            "discovery.type": "single-node",
            "xpack.security.enabled": "false",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "cluster.info.update.interval": "1h",  # its first look at the disk, 30 s after the start, lifts blocks
        }
        lines = "".join(f"{name}: {value}\n" for name, value in settings.items())
        (self._home / "config" / "elasticsearch.yml").write_text(lines)
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = {**os.environ, "ES_DIR": str(self._folder), "ES_HEAP": HEAP, "KEEP_CONFIG": "1"}
        with (self._folder / "start.log").open("ab") as log:
            # It waits for the port of the shared node; ours is another, so we do the waiting.
            starter = subprocess.Popen([str(STACK), "start", "main"], env=environment, stdout=log, stderr=log)
        try:
            wait_until(self._answers)
        finally:
            starter.kill()
            starter.wait()

    def _answers(self) -> bool:
        try:
            return self.client.get("/_cluster/health?wait_for_status=yellow&timeout=1s").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """As the kernel does it when memory runs out."""
        pid = int((self._home / "es.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not _alive(pid))

    def install(self) -> None:
        """Put everything of elastic/ into it."""
        subprocess.run(
            ["sh", str(ROOT / "elastic/install.sh"), self.url], check=True, capture_output=True, timeout=PATIENCE
        )

    def close(self) -> None:
        """Stop it."""
        self.client.close()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            self.kill()


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"  # a zombie waits for its parent, and is dead
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def private_node() -> Iterator[PrivateNode]:
    """A node with everything of elastic/ in it; the test is skipped, saying why, where none is installed."""
    for needed in (STACK, INSTALLED):
        if not needed.exists():
            if os.environ.get("MLLOG_REQUIRE_STACK"):
                pytest.fail(f"{needed} is not there, and this run requires the stack")
            pytest.skip(f"needs an Elasticsearch to kill: {needed} is not there")
    folder = Path(tempfile.mkdtemp(prefix="mllog-chaos-", dir="/var/tmp"))  # a small /tmp may be memory
    folder.chmod(0o755)  # Elasticsearch runs as a user of its own
    try:
        node = PrivateNode(folder)
        try:
            node.start()
            node.install()
            yield node
        finally:
            node.close()
    finally:
        shutil.rmtree(folder)
