"""An endpoint that is down while a service logs, then up: what arrives, what it costs in memory and disk.

A real service process logs so many events as fast as it can, with the endpoint dead; then the endpoint starts, and the
shipper inside the service delivers the backlog. An hour at 2,000 events a second is 7,200,000 events; the time is
compressed, the backlog is not. With `--max-bytes` too small the drops are counted on both ends.

    python benchmarks/backlog.py [--events N] [--max-bytes N] [--when-full POLICY] [--json]
"""

from __future__ import annotations

import argparse
import http.server
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

HOUR = 7_200_000
BACKOFF_SECONDS = 60.0
"""Until the shipper tries again at the latest, once the endpoint is up."""
QUIET_SECONDS = 5.0
_NUMBER = re.compile(rb'"n":(\d+)')
_DROPPED = re.compile(rb'"spool":\{"dropped":(\d+)')


def service(folder: str, endpoint: str, events: int, max_bytes: int, when_full: str) -> None:
    """Log, then wait until told to end; a line of JSON about itself whenever it is asked."""
    import mllog

    mllog.configure(
        service="backlog",
        environment="bench",
        spool=folder,
        endpoint=endpoint,
        max_bytes=max_bytes,
        when_full=when_full,
    )
    log = mllog.model("backlog", "1")
    (spool,) = (each for each in logging.getLogger("mllog").handlers if isinstance(each, mllog.SpoolHandler))
    began = time.monotonic()
    for number in range(events):
        log.prediction({"n": number, "delay": 12.5, "carrier": "UA"}, True)
    seconds = time.monotonic() - began
    for line in sys.stdin:
        if line.strip() == "end":
            mllog.shutdown(30)
        evicted = spool.writer.segments.evicted
        stats = {**mllog.stats(), "evicted": evicted}
        print(json.dumps({"seconds": seconds, "rss": _rss(os.getpid()), **stats}), flush=True)


class Receiver(http.server.ThreadingHTTPServer):
    """Counts the events that arrive, by number."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], events: int) -> None:
        super().__init__(address, _Handler)
        self.seen = bytearray(events)
        self.arrived = self.twice = self.dropped = 0

    def take(self, body: bytes) -> None:
        """Count the events of a batch."""
        for number in map(int, _NUMBER.findall(body)):
            if self.seen[number]:
                self.twice += 1
            else:
                self.seen[number] = 1
                self.arrived += 1
        self.dropped += sum(map(int, _DROPPED.findall(body)))


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        self.server.take(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


def _rss(pid: int) -> int:
    """Resident memory without what is mapped from files, in bytes: pages of the spool are the disk's."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) * 1024


def _disk(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def run(events: int, max_bytes: int, when_full: str, console: Console) -> dict[str, Any]:
    """Log with the endpoint down, deliver with it up, and count."""
    folder = Path(tempfile.mkdtemp(prefix="mllog-backlog-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [str(folder / "spool"), f"http://127.0.0.1:{port}", str(events), str(max_bytes), when_full]
    process = subprocess.Popen(
        [sys.executable, __file__, "--service", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    spool = folder / "spool"
    rss: list[int] = []
    disk = 0
    with Progress(console=console) as progress:
        bar = progress.add_task("logging, the endpoint is down", total=None)
        answers: list[str] = []
        process.stdin.write("how?\n")
        process.stdin.flush()
        reader = threading.Thread(target=lambda: answers.append(process.stdout.readline()))
        reader.start()
        while reader.is_alive():
            reader.join(0.25)
            rss.append(_rss(process.pid))
            disk = max(disk, _disk(spool))
            progress.update(bar, description=f"logging, the endpoint is down: {disk >> 20:,} MiB on disk")
        logged = json.loads(answers[0])
        began = time.monotonic()
        server = Receiver(("127.0.0.1", port), events)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        expected = logged["accepted"] - logged["evicted"]
        progress.update(bar, description="delivering", total=expected)
        last, moved = 0, began
        while server.arrived < expected and time.monotonic() - moved < (QUIET_SECONDS if last else BACKOFF_SECONDS):
            time.sleep(0.25)  # a look at another process, which does not say when it has moved
            rss.append(_rss(process.pid))
            disk = max(disk, _disk(spool))
            if server.arrived > last:
                if not last:
                    began = time.monotonic()
                last, moved = server.arrived, time.monotonic()
            progress.update(bar, completed=last)
        delivering = time.monotonic() - began
        process.stdin.write("end\n")
        process.stdin.flush()
        ended = json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
    server.shutdown()
    server.server_close()
    left = _disk(spool)
    shutil.rmtree(folder)
    rss = [each for each in rss if each]
    return {
        "events": events,
        "accepted": ended["accepted"],
        "dropped": ended["dropped"],
        "evicted": ended["evicted"],
        "arrived": server.arrived,
        "twice": server.twice,
        "drops_said": server.dropped,
        "log_seconds": round(logged["seconds"], 1),
        "deliver_seconds": round(delivering, 1),
        "delivered_per_second": round(server.arrived / delivering),
        "disk_most_bytes": disk,
        "disk_left_bytes": left,
        "max_bytes": max_bytes,
        "memory_first_bytes": rss[len(rss) // 10],
        "memory_most_bytes": max(rss),
    }


def main() -> None:
    if sys.argv[1:2] == ["--service"]:
        service(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=HOUR)
    parser.add_argument("--max-bytes", type=int, default=16 << 30)
    parser.add_argument("--when-full", default="drop_newest")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    found = run(options.events, options.max_bytes, options.when_full, Console(stderr=True))
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:22} {value:>16,}" if isinstance(value, (int, float)) else f"{name:22} {value}")


if __name__ == "__main__":
    main()
