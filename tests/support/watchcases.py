"""A day of the flights' model, made by mllog itself, and for every watch what makes it fire."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

import mllog
from mllog import Profile
from mllog._state import STATE
from mllog.alerts._trial import document
from mllog.event._envelope import own_event
from mllog.profile import Feature
from mllog.store import Document

ROOT = Path(__file__).parents[2]
WATCHES = ROOT / "elastic/watches"
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MODEL, VERSION = "flights_delay", "1.0.0"
Event = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What is wrong, and when the watch is evaluated."""

    events: list[Event]
    now: dt.datetime = NOW


def profile() -> Profile:
    """The flights' profile."""
    return Profile.load(ROOT / "examples/flights/profile.json")


class Flights:
    """Inputs and outputs drawn from the profile, each feature by itself."""

    def __init__(self) -> None:
        self.profile = profile()
        self._random = random.Random(5)

    def _value(self, feature: Feature) -> Any:
        draw = self._random
        if draw.random() < feature.missing_share:
            return None
        if feature.type == "number":
            (place,) = draw.choices(range(len(feature.counts)), feature.counts)
            low, high = feature.edges[place : place + 2]
            return int(low) if feature.integer else (low + high) / 2
        if feature.type == "category" and not feature.categories:  # nothing in it is frequent
            return f"remark {draw.randrange(50)}"
        if feature.type == "category":
            values, counts = zip(*feature.categories, strict=True)
            if not feature.complete and draw.random() < feature.other / feature.count:
                return f"N{draw.randrange(3000)}"
            return draw.choices(values, counts)[0]
        if feature.type == "boolean":
            return draw.random() < feature.true / feature.count
        return "late inbound aircraft"

    def inputs(self, **changed: Any) -> dict[str, Any]:
        """A flight, but for what is given."""
        return {feature.name: self._value(feature) for feature in self.profile.inputs} | changed

    def outputs(self, **changed: Any) -> dict[str, Any]:
        """An answer, but for what is given."""
        return {feature.name: self._value(feature) for feature in self.profile.outputs} | changed


def ago(now: dt.datetime, **delta: float) -> dt.datetime:
    """A moment before another."""
    return now - dt.timedelta(**delta)


def stamped(event: Event, when: dt.datetime) -> Event:
    """The event at another time."""
    return {**event, "@timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


class Maker:
    """Makes events by the library's own calls, in an environment."""

    def __init__(self, environment: str, folder: Path, version: str = "3.1.0") -> None:
        self.flights = Flights()
        self._environment, self._folder = environment, folder
        self._version = version

    def capture(self, make: Callable[[mllog.ModelLogger], None], *, service: str = "3.1.0") -> list[Event]:
        """The events that a function logs."""
        before = dict(STATE.service)
        mllog.configure(
            service="flights", environment=self._environment, version=service, sink=str(self._folder / "nowhere")
        )
        try:
            with mllog.testing.capture() as events:
                make(mllog.model(MODEL, VERSION, profile=self.flights.profile))
        finally:
            mllog.shutdown()
            STATE.service = before  # other tests of this process say nothing of a service
            STATE.generation += 1
        assert mllog.stats()["errors"] == 0, mllog.stats()["problem"]
        return events

    def predictions(self, count: int, *, now: dt.datetime = NOW, outputs: Any = None, **changed: Any) -> list[Event]:
        """Predictions of the last hour, at least two minutes old."""

        def make(log: mllog.ModelLogger) -> None:
            for number in range(count):
                when = ago(now, minutes=2 + number % 50)
                answer = self.flights.outputs(**(outputs or {}))
                log.prediction(self.flights.inputs(**changed), answer, timestamp=when, duration=0.01)

        return self.capture(make)

    def later(self, count: int, wrong: int, *, version: str = VERSION) -> list[Event]:
        """Feedback on predictions, some of which were wrong."""

        def make(_: mllog.ModelLogger) -> None:
            log = mllog.model(MODEL, version, profile=self.flights.profile)
            for number in range(count):
                log.feedback(f"p{number}", actual=number >= wrong, predicted=True)

        return [stamped(event, ago(NOW, minutes=5)) for event in self.capture(make)]

    def shadows(self, count: int, apart: int) -> list[Event]:
        """Answers of a candidate; some differ."""

        def make(log: mllog.ModelLogger) -> None:
            candidate = mllog.model(MODEL, "2.0.0")
            for number in range(count):
                with log.observe(self.flights.inputs(), timestamp=ago(NOW, minutes=5)) as call:
                    call.outputs = {"late": True}
                candidate.shadow(call, {"late": number >= apart})

        return [event for event in self.capture(make) if event["mllog"]["model"]["role"] == "shadow"]

    def own(self, action: str, said: Mapping[str, Any]) -> Event:
        """An event of the shipper or the spool."""
        service = {"environment": self._environment}
        return stamped(orjson.loads(own_event(action, action, dict(said), service, level="info")), ago(NOW, minutes=5))

    def monitor(self, when: dt.datetime, significant: int, size: float) -> Event:
        """A result of the monitor, which is another part's work: written as DESIGN.md says."""
        return {
            "@timestamp": when.isoformat().replace("+00:00", "Z"),
            "event": {"kind": "event", "action": "drift", "dataset": "mllog.monitor", "id": f"monitor-{when}-{size}"},
            "data_stream": {"type": "logs", "dataset": "mllog.monitor", "namespace": self._environment},
            "mllog": {
                "model": {"name": MODEL, "version": VERSION},
                "monitor": {
                    "feature": "dep_delay",
                    "significant": significant,
                    "effect": {"name": "psi", "size": size},
                },
            },
        }

    def letter(self) -> Event:
        """A dead letter, as logstash/dead_letter/ writes it."""
        return {
            "@timestamp": ago(NOW, minutes=5).isoformat().replace("+00:00", "Z"),
            "message": "{}",
            "event": {"id": "dead-letter-1", "kind": "event", "outcome": "failure", "dataset": f"mllog.{MODEL}"},
            "data_stream": {"type": "logs", "dataset": "mllog.dead_letter", "namespace": self._environment},
            "error": {"type": "rejected", "message": "mapper_parsing_exception"},
        }

    def healthy(self) -> list[Event]:
        """Twenty-five hours in which nothing is wrong."""

        def make(log: mllog.ModelLogger) -> None:
            for hour, count in ((0, 200), *((hour, 20) for hour in range(1, 23)), (23, 120), (24, 120)):
                for number in range(count):
                    when = ago(NOW, hours=hour, minutes=2 + 56 * number / count)
                    took = 0.01 + 0.01 * (number % 10)
                    log.prediction(self.flights.inputs(), self.flights.outputs(), timestamp=when, duration=took)
            for _ in range(3):
                log.prediction(self.flights.inputs(), timestamp=ago(NOW, minutes=9), error=ValueError("no"))

        quiet = {"shipper": {"delivered": 900, "quarantined": 0, "retries": 0, "oldest_seconds": 1.5}}
        return [
            *self.capture(make),
            *self.later(60, wrong=6),
            *self.shadows(60, apart=3),
            self.monitor(ago(NOW, hours=3), 0, 0.4),
            self.monitor(ago(NOW, hours=4), 1, 0.01),
            self.own("shipped", quiet),
        ]

    def cases(self) -> dict[str, Callable[[], Case]]:
        """For each watch what makes it fire, beside the healthy day."""
        made: dict[str, Callable[[], Case]] = {
            "invalid_inputs": lambda: Case(self.predictions(100, month=13, origin="XXX")),
            "non_finite": lambda: Case(self.predictions(3, dep_delay=float("inf"))),
            "sensitive_data": lambda: Case(self.predictions(2, remarks="write to ann.lee@example.com")),
            "unexpected_inputs": lambda: Case(
                [event for number in range(30) for event in self.predictions(1, **{f"x{number}": 1.0})]
            ),
            "cardinality-tailnum": lambda: Case(self._different("tailnum")),
            "cardinality-remarks": lambda: Case(self._different("remarks")),
            "predictions-probability": lambda: Case(self.predictions(700, outputs={"probability": 0.999})),
            "predictions-late": lambda: Case(self.predictions(700, outputs={"late": True})),
            "predictions-late-mostly": lambda: Case(self.predictions(1500, outputs={"late": False})),
            "drift": lambda: Case([self.monitor(ago(NOW, hours=1), 1, 0.5)]),
            "versions": lambda: Case(self.capture(self._other_version)),
            "service_versions": lambda: Case(self.capture(self._one, service="3.2.0")),
            "errors": lambda: Case(self.capture(self._failures)),
            "latency": lambda: Case(self.capture(self._slow)),
            "throughput": lambda: Case([], NOW + dt.timedelta(hours=1)),
            "no_traffic": lambda: Case([], NOW + dt.timedelta(hours=7)),
            "stale_model": self._stale,
            "stale_monitor": lambda: Case([], NOW + dt.timedelta(days=3)),
            "quality": lambda: Case(self.later(60, wrong=60)),
            "shadow": lambda: Case(self.shadows(60, apart=60)),
        }
        common: dict[str, Callable[[], Case]] = {
            "mllog-dropped": lambda: Case([self.own("dropped", {"spool": {"dropped": 12, "reason": "full"}})]),
            "mllog-dead_letters": lambda: Case([self.letter()]),
            "mllog-lag": lambda: Case([self.own("shipped", {"shipper": {"quarantined": 0, "oldest_seconds": 4000.0}})]),
        }
        skewed = {f"skew-{name}": self._skewed(name, value) for name, value in self._pushed()}
        return {f"{MODEL}-{name}": case for name, case in (made | skewed).items()} | common

    def _pushed(self) -> Iterator[tuple[str, Any]]:
        """One value for each input: of the greatest, the most frequent, or the other side of missing."""
        for feature in self.flights.profile.inputs:
            if feature.type == "number" and len(feature.counts) > 1:
                yield feature.name, int(feature.edges[-2])
            elif feature.type == "category":
                frequent = feature.categories[0][0] if feature.categories else "late inbound aircraft"
                yield feature.name, None if feature.name == "tailnum" else frequent
            elif feature.type == "text":
                yield feature.name, "late inbound aircraft"

    def _skewed(self, name: str, value: Any) -> Callable[[], Case]:
        return lambda: Case(self.predictions(700, **{name: value}))

    def _different(self, name: str) -> list[Event]:
        def make(log: mllog.ModelLogger) -> None:
            flight = self.flights.inputs()
            for number in range(9500):
                log.prediction({**flight, name: f"X{number}Y"}, timestamp=ago(NOW, minutes=5))

        return self.capture(make)

    def _other_version(self, _: mllog.ModelLogger) -> None:
        for log in (mllog.model(MODEL, "1.1.0", profile=self.flights.profile), mllog.model(MODEL, "1.2.0")):
            for _number in range(3):
                log.prediction(self.flights.inputs(), timestamp=ago(NOW, minutes=5))

    def _one(self, log: mllog.ModelLogger) -> None:
        log.prediction(self.flights.inputs(), self.flights.outputs(), timestamp=ago(NOW, minutes=5))

    def _failures(self, log: mllog.ModelLogger) -> None:
        for _ in range(60):
            log.prediction(self.flights.inputs(), timestamp=ago(NOW, minutes=5), error=ValueError("no"))

    def _slow(self, log: mllog.ModelLogger) -> None:
        for _ in range(300):
            log.prediction(self.flights.inputs(), self.flights.outputs(), timestamp=ago(NOW, minutes=5), duration=2.0)

    def _stale(self) -> Case:
        now = dt.datetime.fromisoformat(self.flights.profile.created) + dt.timedelta(days=92)
        return Case(self.predictions(3, now=now), now)


def documents(events: list[Event]) -> list[Document]:
    """The events on their way into a store."""
    return [document(event) for event in events]


def narrowed(watch: Event, environment: str) -> Event:
    """The watch on the streams of one environment; else as it is."""
    request = watch["input"]["search"]["request"]
    indices = [f"{name.removesuffix('-*')}-{environment}*" for name in request["indices"]]
    search = {**watch["input"]["search"], "request": {**request, "indices": indices}}
    return {**watch, "input": {"search": search}}
