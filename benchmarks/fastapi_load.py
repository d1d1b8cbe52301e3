"""What logging adds to the CPU of a request: FastAPI under a real uvicorn, without logging and with it.

One server process holds the same application once without logging and once with each logger, so that all have the
same interpreter, memory and neighbours; two processes differ by more than what is measured. A round asks each of
them, in a new order, over keep-alive loopback connections; each request carries 20 features, a `traceparent` and an
`x-request-id`. The CPU (user and system, all threads) is asked of the server itself. What is added is the difference
to the application without logging in the same round. The peers log the inputs as they came, with the ids of the
request from a middleware; mllog also sorts, checks and redacts them.

Two more stand beside them. structlog the way its users set it up has what mllog's middleware does from a library and
its own context variables. And the least that a call can do in Python is written down here, without settings, locks or
a way back: it shows what of a cost is the language and a processor with cold caches, and what is the library.

    python benchmarks/fastapi_load.py [--rounds N] [--requests N] [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import contextlib
import http.client
import mmap
import random
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import contenders
import measuring
import orjson
import sample
from fastapi import FastAPI, Request, Response

CONNECTIONS = 8
BUDGET = 0.35
NONE = "no logging"
IDS = "no logging, the peers' middleware"
BARE = "mllog, without its middleware"
ACCESS = "mllog, and a record of each request"
LEAST = "the least: ids, times, a check of all values, JSON, a copy"
USUAL = "structlog + orjson, ids by asgi-correlation-id"
SERVERS = (
    NONE,
    IDS,
    LEAST,
    BARE,
    "mllog",
    ACCESS,
    contenders.BASE,
    USUAL,
    "python-json-logger + orjson",
    "python-json-logger",
)
LEAST_BYTES = 8 << 20

Log = Callable[[dict[str, Any], dict[str, Any], int], Any]

# -- the server --------------------------------------------------------------------------------

_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))


class Ids:
    """What a peer needs in place of mllog's middleware: the ids of a request, in its context. Pure ASGI."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application with the ids in force."""
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            trace, request = headers.get(b"traceparent", b""), headers.get(b"x-request-id", b"")
            _ids.set({"trace.id": trace[3:35].decode(), "http.request.id": request.decode()})
        await self.app(scope, receive, send)


def _peer(name: str, folder: Path) -> Log:
    call, _ = contenders.named(name).opening(folder)
    return lambda inputs, outputs, duration: call(
        {
            **_ids.get(),
            "model": "bench",
            "version": "1.0",
            "inputs": inputs,
            "outputs": outputs,
            "duration": duration,
            "outcome": "success",
        }
    )


def usual(app: FastAPI, folder: Path) -> Log:
    """Structlog with the ids of the request in its context, as its documentation has it."""
    import structlog
    from asgi_correlation_id import CorrelationIdMiddleware, correlation_id

    class Bind:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                trace = dict(scope["headers"]).get(b"traceparent", b"")[3:35].decode()
                structlog.contextvars.clear_contextvars()
                structlog.contextvars.bind_contextvars(
                    trace_id=trace, request_id=correlation_id.get(), method=scope["method"], path=scope["path"]
                )
            await self.inner(scope, receive, send)

    app.add_middleware(Bind)
    app.add_middleware(CorrelationIdMiddleware)
    return _peer(contenders.BASE, folder)


def least() -> Log:
    """What no logger that keeps mllog's promises can leave out, in straight code: no sorting, locks or settings."""
    import msgspec

    whole, real = (Annotated[kind, msgspec.Meta(ge=-(10**8), le=10**8)] for kind in (int, float))
    text = Annotated[str, msgspec.Meta(max_length=256)]
    types: dict[type, Any] = {str: text, bool: bool, int: real | whole, float: real | whole}

    def struct(values: dict[str, Any]) -> Any:
        return msgspec.defstruct("Values", [(name, types[type(value)]) for name, value in values.items()], gc=False)

    asked, answered = struct(sample.inputs(random.Random(1))), struct(sample.OUTPUTS)
    event = msgspec.defstruct("Event", ["at", "id", "duration", "static", "ids", "inputs", "outputs"], gc=False)
    static = msgspec.Raw(orjson.dumps({"message": "bench 1.0 prediction success" * 12}))
    convert, encode = msgspec.convert, msgspec.json.Encoder().encode_into
    memory, buffer, end = mmap.mmap(-1, LEAST_BYTES), bytearray(), 0
    memory.write(bytes(LEAST_BYTES))

    def log(inputs: dict[str, Any], outputs: dict[str, Any], duration: int) -> None:
        nonlocal end
        at = time.time_ns()
        ids = _ids.get()
        encode(
            event(at, f"{at:032x}", duration, static, ids, convert(inputs, asked), convert(outputs, answered)), buffer
        )
        start = end if end + len(buffer) < LEAST_BYTES else 0
        end = start + len(buffer)
        memory[start:end] = buffer

    return log


def application(name: str, folder: Path) -> FastAPI:
    """The service: one model behind one route."""
    app = FastAPI()
    log: Log | None = None
    if name in ("mllog", BARE, ACCESS):
        import mllog
        from mllog.integrations.fastapi import Middleware

        if mllog.stats()["sink"] is None:
            mllog.configure(service="bench", environment="bench", version="1", spool=folder / "spool")
        model = mllog.model("bench", "1.0")
        if name != BARE:
            app.add_middleware(Middleware, access=name == ACCESS)

        def log(inputs: dict[str, Any], outputs: dict[str, Any], duration: int) -> None:
            model.prediction(inputs, outputs, duration=duration / 1e9)

    elif name == USUAL:
        log = usual(app, folder)
    elif name != NONE:
        app.add_middleware(Ids)
        log = None if name == IDS else least() if name == LEAST else _peer(name, folder)

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        inputs = orjson.loads(await request.body())
        began = time.perf_counter_ns()
        outputs = {"score": inputs["number_00"] / 1000, "label": "late"}
        if log is not None:
            log(inputs, outputs, time.perf_counter_ns() - began)
        return Response(orjson.dumps(outputs), media_type="application/json")

    @app.get("/cpu")
    async def cpu() -> int:
        return time.process_time_ns()

    return app


class Choose:
    """Hands a request to the application that its first segment numbers."""

    def __init__(self, applications: list[FastAPI]) -> None:
        self.applications = applications

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run one of them, on the rest of the path."""
        number, _, rest = scope["path"].removeprefix("/").partition("/")
        await self.applications[int(number)]({**scope, "path": f"/{rest}"}, receive, send)


def serve(root: Path) -> None:
    """Run the server until standard input ends; its port goes to standard output."""
    import uvicorn

    applications = []
    for number, name in enumerate(SERVERS):
        folder = root / str(number)
        folder.mkdir()
        applications.append(application(name, folder))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    server = uvicorn.Server(uvicorn.Config(Choose(applications), log_level="warning", access_log=False, lifespan="off"))

    def until_the_end() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=until_the_end, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


# -- the load ----------------------------------------------------------------------------------


Connections = list[http.client.HTTPConnection]


def _cpu(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/0/cpu")
    return int(connection.getresponse().read())


def load(connections: Connections, name: str, bodies: list[bytes]) -> float:
    """Ask one application all this, on several connections at a time; the server's CPU per request, microseconds."""
    path = f"/{SERVERS.index(name)}/predict"
    before = _cpu(connections[0])
    for start in range(0, len(bodies), CONNECTIONS):
        asked = list(zip(connections, bodies[start : start + CONNECTIONS], strict=False))
        for connection, body in asked:
            headers = {
                "content-type": "application/json",
                "traceparent": f"00-{random.getrandbits(128) | 1:032x}-00f067aa0ba902b7-01",
                "x-request-id": f"{random.getrandbits(128):032x}",
            }
            connection.request("POST", path, body, headers)
        for connection, _ in asked:
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"the server answered {answer.status}")
    return (_cpu(connections[0]) - before) / 1000 / len(bodies)


def main() -> None:
    parser = measuring.parser(__doc__, rounds=80)
    parser.add_argument("--requests", type=int, default=200, help="requests in a round, to each application")
    parser.add_argument("--serve", metavar="FOLDER", type=Path, help="(inner) be the server")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    if options.quick:
        options.rounds, options.requests = 2, 24
    draw = random.Random(7)
    bodies = [orjson.dumps(sample.inputs(draw)) for _ in range(options.requests)]
    servers = [name for name in SERVERS if name in (NONE, contenders.BASE) or re.search(options.only, name)]
    used: dict[str, list[float]] = {name: [] for name in servers}
    with (
        tempfile.TemporaryDirectory(prefix="mllog-bench-") as folder,
        measuring.beside("fastapi_load.py", "--serve", folder) as (_, port),
        contextlib.ExitStack() as opened,
    ):
        connections = [http.client.HTTPConnection("127.0.0.1", int(port), timeout=30) for _ in range(CONNECTIONS)]
        for connection in connections:
            opened.callback(connection.close)
        for name in servers:
            load(connections, name, bodies)
        plan = [name for _ in range(options.rounds) for name in draw.sample(servers, len(servers))]
        for name in measuring.steps(plan, "fastapi"):
            used[name].append(load(connections, name, bodies))
    added = {
        name: measuring.spread([with_it - without for with_it, without in zip(used[name], used[NONE], strict=True)])
        for name in servers
    }
    base = added[contenders.BASE]["median"]
    found = {
        name: {
            "cpu_us": measuring.spread(used[name]),
            "added_us": added[name],
            "ratio": added[name]["median"] / base,
            "rounds_us": used[name],
        }
        for name in servers
    }
    print(
        measuring.table(
            ["FastAPI", "CPU of a request µs", "added µs", "quartiles of it", "ratio of what is added"],
            [
                [
                    name,
                    f"{each['cpu_us']['median']:.0f}",
                    "" if name == NONE else f"{each['added_us']['median']:.1f}",
                    "" if name == NONE else f"{each['added_us']['low']:.1f} to {each['added_us']['high']:.1f}",
                    "" if name == NONE else f"{each['ratio']:.2f}",
                ]
                for name, each in found.items()
            ],
        )
    )
    ratio = found["mllog"]["ratio"] if "mllog" in found else 0.0
    over = [f"mllog adds {ratio:.2f} of what {contenders.BASE} adds (budget {BUDGET:.2f})"] if ratio > BUDGET else []
    measuring.finish(options, found, over)


if __name__ == "__main__":
    main()
