"""Real full and read-only disks, and two containers on one spool, each in namespaces of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import PATIENCE

from mllog.spool import SpoolReader, events

SERVICE = """
import json, sys, time, mllog
mllog.configure(service="boxed", environment="test", spool=sys.argv[1])
log = mllog.model("late", "1")
def fill(first, count):
    for n in range(first, first + count):
        log.prediction({"n": n, "pad": "x" * 200})
def told():
    stats = mllog.stats()
    return [stats["accepted"], stats["dropped"], stats["problem"]]
"""


def boxed(arguments: list[str], before: str, code: str, folder: Path) -> subprocess.Popen[str]:
    """A service in namespaces of its own, where `before` is run first."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare (util-linux)")
    script = f'{before} && exec "$0" -c "$1" "$2"'
    command = ["unshare", "--user", "--map-root-user", *arguments, "sh", "-c", script, sys.executable, SERVICE + code]
    probe = subprocess.run(
        ["unshare", "--user", "--map-root-user", *arguments, "true"], check=False, capture_output=True
    )
    if probe.returncode != 0:
        pytest.skip(f"no namespaces here: {probe.stderr.decode().strip()}")
    return subprocess.Popen([*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_full_disk_drops_and_room_makes_it_go_on(tmp_path: Path) -> None:
    """Blocks are allocated before they are written to, so the service is not killed by a write to its memory."""
    code = """
fill(0, 100_000)
full = told()
import os, pathlib
ballast = pathlib.Path(sys.argv[1]).parent / "ballast"
ballast.unlink()
mllog._configure.STATE.sink.writer.segments.retry()
fill(100_000, 10)
from mllog.spool import events
last = json.loads(list(events(pathlib.Path(sys.argv[1])))[-1])
print(json.dumps([full, told(), last["mllog"]["input"]["number"]]))
"""
    disk = tmp_path / "disk"
    disk.mkdir()
    before = (
        f'mount -t tmpfs -o size=40m tmpfs "{disk}" && dd if=/dev/zero of="{disk}/ballast" bs=1M count=20 status=none'
    )
    process = boxed(["--mount"], before, code, disk / "spool")
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    (accepted, dropped, problem), (later, still, well), last = json.loads(out)
    assert accepted > 0
    assert accepted + dropped == 100_000
    assert "no room left" in problem
    assert (later, still, well) == (accepted + 10, dropped, None)
    assert last == {"n": 100_009}


def test_a_read_only_disk_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    """Every event is counted as dropped, and the calls return."""
    code = "fill(0, 1000); print(json.dumps(told()))"
    disk = tmp_path / "disk"
    disk.mkdir()
    process = boxed(["--mount"], f'mount -t tmpfs -o ro tmpfs "{disk}"', code, disk / "spool")
    out, _ = process.communicate(timeout=PATIENCE)
    accepted, dropped, problem = json.loads(out)
    assert (accepted, dropped) == (0, 1000)
    assert "Read-only file system" in problem


def test_two_containers_share_a_spool(tmp_path: Path) -> None:
    """Both are process 1 where they live; the one that was killed is recovered, the one that lives is left alone."""
    code = """
import os
assert os.getpid() == 1
fill(int(sys.stdin.readline()), 500)
print(json.dumps(told()), flush=True)
sys.stdin.readline()
"""
    services = [boxed(["--pid", "--fork"], "true", code, tmp_path) for _ in range(2)]
    for number, service in enumerate(services):
        assert service.stdin is not None
        assert service.stdout is not None
        service.stdin.write(f"{number * 1000}\n")
        service.stdin.flush()
        assert json.loads(service.stdout.readline()) == [500, 0, None]
    inside = subprocess.run(["pgrep", "-P", str(services[0].pid)], capture_output=True, text=True, check=True).stdout
    subprocess.run(["kill", "-9", *inside.split()], check=True)
    services[0].communicate()
    reader = SpoolReader(tmp_path)
    numbers = []
    for batch in reader.read():
        numbers += [json.loads(line)["mllog"]["input"]["number"]["n"] for line in batch.lines]
        reader.commit(batch)
    reader.close()
    assert sorted(numbers) == [*range(500), *range(1000, 1500)]
    assert len(list(tmp_path.glob("*.live"))) == 1
    services[1].communicate("\n", timeout=PATIENCE)
    assert services[1].returncode == 0
    assert len(list(events(tmp_path))) == 500  # read, and sealed by its writer since; the next look clears it away
