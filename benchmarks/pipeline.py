"""What the embedded runner makes of our own Logstash pipeline: events a second for one core, and the cost of each part.

Lines of about 1 KB, as mllog writes them and as a service without mllog would, without sensitive values and with two of
random kinds in each. Times are of the processor, so that other work on the machine counts for little; medians over
interleaved rounds. What a rule costs is a run of its branch alone, its conditions included, over one that only looks up
the words of the guards: that look-up is shared by all rules.

    python benchmarks/pipeline.py [--rounds N] [--events N] [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import cProfile
import gc
import json
import pstats
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measuring
import sample

import mllog
from mllog.pipeline import Event, Pipeline, event_from_line, load, load_text
from mllog.pipeline._config import Branch, Plugin, Statement, read_text
from mllog.pipeline._regex import compiled
from mllog.redaction import RULES
from mllog.redaction._examples import NAMED

CONFIGURATION = measuring.HERE.parent / "logstash" / "pipeline"
ENVIRON = {"MLLOG_LOGSTASH_ID_KEY": "of the benchmark", "MLLOG_LOGSTASH_PASSWORD": "of the benchmark"}
LINE_BYTES = 1024
CAP = 65_536
MEGABYTE = 1_000_000
LEAST = {"without": 10_000, "with": 3_000}
MOST_GROWTH = 2.5
"""Twice the text in at most so many times the time."""

_NOTHING_TO_DO = "filter { if [message] =~ /(?i)nothing holds this/ { drop { } } }"

NEAR = (
    "4242 ", "a@a.", "a@", "eyJ", "%40", "DE89 ", "a::", "password=", '"password":[', '"password":{"', "secret❞:",
    "\\\\u0041", '\\"', "-----BEGIN PRIVATE KEY-----", "0171-", "555.", "1:", "token is ", "<password ",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one kind, and who sends them."""

    name: str
    secrets: bool
    sender: str
    lines: list[bytes]

    def events(self) -> list[Event]:
        """As an input makes them."""
        found = []
        for line in self.lines:
            event = event_from_line(line)
            event["@metadata"] = {"sender": self.sender, "models": "*"}
            found.append(event)
        return found


def from_mllog(count: int, redaction: str | None) -> list[bytes]:
    """Events as mllog writes them."""
    draw = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="mllog-bench-") as folder:
        path = Path(folder) / "events.ndjson"
        more: dict[str, Any] = {} if redaction is None else {"redaction": redaction}
        mllog.configure(service="bench", environment="bench", version="1", sink=path, **more)
        log = mllog.model("bench", "1.0")
        for _ in range(count):
            # Without some of the numbers, so that the event is what the table says: a kilobyte.
            inputs = {name: value for name, value in sample.inputs(draw).items() if name not in _LEFT_OUT}
            log.prediction(inputs, sample.OUTPUTS)
        mllog.shutdown()
        return path.read_bytes().splitlines()


_LEFT_OUT = {f"number_{n:02}" for n in range(2, 8)} | {f"count_{n}" for n in range(2, 4)}


def from_others(count: int) -> list[bytes]:
    """What a service without mllog would write of the same predictions."""
    draw = random.Random(7)
    return [
        json.dumps(
            {
                "timestamp": "2026-11-24T12:00:00.123Z",
                "level": "INFO",
                "logger": "flights.api.views",
                "thread": "worker-3",
                "message": f"prediction served: {sample.text(draw, 120)}",
                "service": "flights",
                "model": "delay",
                "model_version": "3",
                "request_id": f"{draw.getrandbits(128):032x}",
                "path": "/v1/predict",
                "status": 200,
                "duration_ms": draw.random() * 50,
                "inputs": sample.inputs(draw),
                "prediction": {"score": draw.random(), "label": "late"},
            }
        ).encode()
        for _ in range(count)
    ]


def kinds() -> dict[str, list[str]]:
    """Texts that hold something sensitive, by kind."""
    found: dict[str, list[str]] = {"key": [f"{name}=Fake4now" for name in NAMED.values()]}
    for rule in RULES:
        if rule.where != "process":
            found.setdefault(rule.kind, []).extend(rule.examples_match)
    return found


def with_secrets(lines: list[bytes]) -> list[bytes]:
    """The lines with a member by a sensitive name in every fourth, and a text with a random kind in all."""
    draw, texts = random.Random(11), kinds()
    found = []
    for number, line in enumerate(lines):
        event = json.loads(line)
        first, second = (draw.choice(texts[kind]) for kind in draw.sample(sorted(texts), 2))
        event["note"] = f"the customer wrote {first} and asked"
        event["details"] = {draw.choice(list(NAMED.values())): "Fake4now"} if number % 4 == 0 else {"text": second}
        found.append(json.dumps(event).encode())
    return found


def every_line(count: int) -> list[Lines]:
    """All kinds of lines."""
    ours, others = from_mllog(count, None), from_others(count)
    return [
        Lines("of mllog", False, "mllog", ours),
        Lines("of a service without mllog", False, "foreign", others),
        Lines("of mllog with redaction off, with secrets", True, "mllog", with_secrets(from_mllog(count, "off"))),
        Lines("of a service without mllog, with secrets", True, "foreign", with_secrets(others)),
    ]


def seconds(run: Callable[[Event], object], events: list[Event]) -> float:
    """Of the processor, for an event."""
    gc.collect()
    gc.disable()
    began = time.process_time()
    for event in events:
        run(event)
    taken = time.process_time() - began
    gc.enable()
    return taken / len(events)


def by_stage(stages: dict[str, Pipeline], events: list[Event]) -> dict[str, float]:
    """Seconds that an event takes in each file, one file behind the other."""
    taken = {}
    for name, stage in stages.items():
        left: list[Event] = []
        taken[name] = seconds(lambda event, run=stage.filter, keep=left: keep.extend(run(event)), events)  # type: ignore[misc]
        events = left
    return taken


def through(statements: list[Statement], wanted: set[str]) -> list[Statement]:
    """The filters with these ids, within the branches that they stand in, and nothing else."""
    found: list[Statement] = []
    for item in statements:
        if isinstance(item, Plugin):
            found += [item] if item.id() in wanted else []
            continue
        arms = tuple((condition, tuple(through(list(body), wanted))) for condition, body in item.arms)
        if any(body for _, body in arms):
            found.append(Branch(arms, item.place))
    return found


def plugins(statements: list[Statement]) -> Iterator[Plugin]:
    """All filters, those in branches too."""
    for item in statements:
        if isinstance(item, Plugin):
            yield item
        else:
            for _, body in item.arms:
                yield from plugins(list(body))


def alone(statements: list[Statement]) -> Pipeline:
    """A pipeline of these filters."""
    return Pipeline({"input": [], "filter": statements, "output": []}, ENVIRON)


def rules(statements: list[Statement]) -> dict[str, tuple[Pipeline, str]]:
    """By name of a rule, its branch alone and a text that it finds something in; for a group of names, that of all."""
    ids = [plugin.id() or "" for plugin in plugins(statements)]
    look_up = read_text(_NOTHING_TO_DO, "look-up")["filter"]
    keys = {name for name in ids if name.startswith(("redact_name", "redact_key"))}
    found = {
        f"names: {group}": (alone(look_up + through(statements, keys)), f"{NAMED[group]}=Fake4now") for group in NAMED
    }
    for rule in RULES:
        if rule.where != "process":
            found[rule.name] = (alone(look_up + through(statements, {f"redact_{rule.name}"})), rule.examples_match[0])
    return found


def cost(pipeline: Pipeline, bare: Pipeline, lines: list[str]) -> float:
    """Seconds that the pipeline takes for a line over one that only looks up words; a new text each time."""

    def texts() -> list[Event]:
        return [{"message": f"{line} "[:-1]} for line in lines]

    return seconds(pipeline.filter, texts()) - seconds(bare.filter, texts())


def filled(piece: str, size: int) -> str:
    """A line full of a piece, and nothing that ends it well."""
    return (piece * (size // len(piece) + 1))[: size - 1] + "!"


def throughput(kept: list[Lines], rounds: int) -> dict[str, Any]:
    """Events a second of the whole filter stage, microseconds of each file, and what `json.loads` takes."""
    whole = load([CONFIGURATION], environ=ENVIRON)
    stages = {path.name: load([path], environ=ENVIRON) for path in sorted(CONFIGURATION.glob("*.conf"))}
    taken: dict[str, list[float]] = {each.name: [] for each in kept}
    parsing: dict[str, list[float]] = {each.name: [] for each in kept}
    files: dict[str, dict[str, list[float]]] = {each.name: {name: [] for name in stages} for each in kept}
    draw = random.Random(3)
    for each in kept:
        seconds(whole.filter, each.events())
    for _ in measuring.steps(range(rounds), "throughput"):
        for each in draw.sample(kept, len(kept)):
            taken[each.name].append(seconds(whole.filter, each.events()))
            parsing[each.name].append(seconds(json.loads, each.lines))  # type: ignore[arg-type]
            for name, spent in by_stage(stages, each.events()).items():
                files[each.name][name].append(spent)
    return {
        each.name: {
            "secrets": each.secrets,
            "bytes": round(statistics.mean(map(len, each.lines))),
            "microseconds": measuring.spread([spent * 1e6 for spent in taken[each.name]]),
            "events_per_second": 1 / statistics.median(taken[each.name]),
            "ratio_to_json_loads": statistics.median(
                one / other for one, other in zip(taken[each.name], parsing[each.name], strict=True)
            ),
            "files": {name: statistics.median(spent) * 1e6 for name, spent in files[each.name].items()},
        }
        for each in kept
    }


PARTS = {
    "patterns": "_regex.Pattern",
    "parsing JSON": "raw_decode",
    "finding the words of all guards": "AhoCorasick",
    "digests": "_hashlib",
}


def parts(kept: list[Lines], figures: dict[str, Any], rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds an event in functions of C, the least of some profiles (they slow C little); the rest is Python."""
    whole = load([CONFIGURATION], environ=ENVIRON)
    found = {}
    for each in kept:
        taken: dict[str, list[float]] = {part: [] for part in PARTS}
        for _ in range(rounds):
            events = each.events()
            profiler = cProfile.Profile()
            profiler.enable()
            for event in events:
                whole.filter(event)
            profiler.disable()
            own = [(where[2], times[2]) for where, times in pstats.Stats(profiler).stats.items()]  # type: ignore[attr-defined]
            for part, needle in PARTS.items():
                spent = sum(seconds for function, seconds in own if needle in function)
                taken[part].append(spent / len(events) * 1e6)
        least = {part: min(values) for part, values in taken.items()}
        rest = figures[each.name]["microseconds"]["median"] - sum(least.values())
        found[each.name] = {**least, "conditions and filters, in Python": rest}
    return found


def _is_member(example: str) -> bool:
    try:
        return isinstance(json.loads(f"{{{example}}}"), dict)
    except ValueError:
        return False


def rule_costs(clean: list[bytes], rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds that each rule adds, on lines without anything and on lines with what it is for."""
    statements = read_text((CONFIGURATION / "20-redact.conf").read_text(encoding="utf-8"), "20-redact.conf")["filter"]
    bare = load_text(_NOTHING_TO_DO, environ=ENVIRON)
    texts = [line.decode() for line in clean]
    found = {}
    for name, (pipeline, example) in measuring.steps(list(rules(statements).items()), "rules"):
        # In a string of its own, with its escapes already read, as the rule is given it.
        shown = json.dumps(example, ensure_ascii=False)[1:-1].replace('\\"', "❞").replace("\\n", "␊")
        member = f'"note":"{shown} "' if not _is_member(example) else example  # a rule may be for members of JSON alone
        held = [f"{text[:-1]},{member}}}" for text in texts]
        event: Event = {"message": held[0]}
        pipeline.filter(event)
        found[name] = {
            "without": statistics.median(cost(pipeline, bare, texts) for _ in range(rounds)) * 1e6,
            "with": statistics.median(cost(pipeline, bare, held) for _ in range(rounds)) * 1e6,
            "found": float("[REDACTED:" in event["message"]),
        }
    return found


def unguarded(lines: list[bytes]) -> float:
    """Microseconds an event, if the pattern of every rule were tried at every character of every line."""
    statements = read_text((CONFIGURATION / "20-redact.conf").read_text(encoding="utf-8"), "20-redact.conf")["filter"]
    named = {f"redact_{rule.name}" for rule in RULES}
    patterns = [
        compiled(plugin.settings["gsub"][1])
        for plugin in plugins(statements)
        if (plugin.id() or "").startswith("redact_key_") or plugin.id() in named
    ]
    texts = [line.decode() for line in lines]
    began = time.process_time()
    for text in texts:
        for pattern in patterns:
            pattern.sub("", text)
    return (time.process_time() - began) / len(texts) * 1e6


def near_matches(pieces: tuple[str, ...], rounds: int) -> dict[str, dict[str, float]]:
    """Seconds for lines that are full of what a pattern almost takes: half the cap, the cap, and a megabyte."""
    whole = load([CONFIGURATION], environ=ENVIRON)

    def best(line: str) -> tuple[float, bool]:
        taken, late = 9e9, False
        for _ in range(rounds):
            event = event_from_line(line)
            began = time.process_time()
            (left,) = whole.filter(event)
            taken = min(taken, time.process_time() - began)
            late = late or "_mllog_match_timeout" in left.get("tags", ())
        return taken, late

    found = {}
    for piece in measuring.steps(pieces, "near-matches"):
        half, _ = best(filled(piece, CAP // 2))
        full, late = best(filled(piece, CAP))
        found[piece] = {
            "half": half,
            "cap": full,
            "megabyte": best(filled(piece, MEGABYTE))[0],
            "growth": full / half,
            "timed_out": float(late),
        }
    return found


def shown(piece: str) -> str:
    """A piece as code in a table."""
    return f"`{piece}`".replace("|", "\\|")


def report(figures: dict[str, Any]) -> None:
    """Print the tables."""
    lines, costs, near = figures["lines"], figures["rules"], figures["near_matches"]
    print(
        measuring.table(
            ["lines", "bytes", "events/s", "µs an event", "quartiles", "of `json.loads`"],
            [
                [
                    name,
                    f"{each['bytes']:,}",
                    f"{each['events_per_second']:,.0f}",
                    f"{each['microseconds']['median']:.0f}",
                    f"{each['microseconds']['low']:.0f} to {each['microseconds']['high']:.0f}",
                    f"{each['ratio_to_json_loads']:.1f}",
                ]
                for name, each in lines.items()
            ],
        )
    )
    times = figures["unguarded"] / next(iter(lines.values()))["microseconds"]["median"]
    print(
        "The patterns of all rules at every character of a line, without guards: "
        f"{figures['unguarded']:,.0f} µs an event, {times:,.0f} times the first row.\n"
    )
    names = list(next(iter(lines.values()))["files"])
    print(
        measuring.table(
            ["file, µs an event", *lines],
            [[name, *(f"{each['files'][name]:.1f}" for each in lines.values())] for name in names],
        )
    )
    print(
        measuring.table(
            ["part, µs an event", *lines],
            [
                [name, *(f"{each[name]:.1f}" for each in figures["parts"].values())]
                for name in next(iter(figures["parts"].values()))
            ],
        )
    )
    print(
        measuring.table(
            ["rule, µs an event", "on a line without secrets", "on a line that it finds something in"],
            [
                [name, f"{max(0.0, each['without']):.1f}", f"{max(0.0, each['with']):.1f}"]
                for name, each in sorted(costs.items(), key=lambda item: -item[1]["with"])
            ],
        )
    )
    print(
        measuring.table(
            ["a line full of", "32 KiB, ms", "64 KiB, ms", "growth", "1 MB, ms"],
            [
                [
                    shown(name),
                    f"{each['half'] * 1000:.1f}",
                    f"{each['cap'] * 1000:.1f}",
                    f"{each['growth']:.1f}",
                    f"{each['megabyte'] * 1000:.1f}",
                ]
                for name, each in sorted(near.items(), key=lambda item: -item[1]["cap"])
            ],
        )
    )


def beyond(figures: dict[str, Any]) -> list[str]:
    """What is not within the budgets."""
    over = []
    for name, each in figures["lines"].items():
        least = LEAST["with" if each["secrets"] else "without"]
        if each["events_per_second"] < least:
            over.append(f"lines {name}: {each['events_per_second']:,.0f} events/s (budget {least:,})")
    for piece, each in figures["near_matches"].items():
        if each["megabyte"] > 1:
            over.append(f"1 MB of {shown(piece)} takes {each['megabyte']:.1f} s (budget 1)")
        if each["growth"] > MOST_GROWTH and each["cap"] > 0.02:
            over.append(f"{shown(piece)} takes {each['growth']:.1f} times as long for twice the text")
        if each["timed_out"]:
            over.append(f"64 KiB of {shown(piece)} is not searched in time")
    return over


def main() -> None:
    parser = measuring.parser(__doc__, rounds=9)
    parser.add_argument("--events", type=int, default=1000, help="events a round, of each kind of line")
    options = parser.parse_args()
    few = 5 if options.quick else min(100, options.events)
    if options.quick:
        options.rounds, options.events = 1, 20
    kept = [each for each in every_line(options.events) if re.search(options.only, each.name)]
    taken = throughput(kept, options.rounds)
    figures = {
        "lines": taken,
        "parts": parts(kept, taken, min(5, options.rounds)),
        "unguarded": unguarded(kept[0].lines[:few]),
        "rules": rule_costs(from_others(few), min(5, options.rounds)),
        "near_matches": near_matches(NEAR[:2] if options.quick else NEAR, min(3, options.rounds)),
    }
    report(figures)
    measuring.finish(options, figures, beyond(figures))


if __name__ == "__main__":
    main()
