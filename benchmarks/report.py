"""Runs every benchmark, and writes docs/benchmarks.md, its chart and benchmarks/results.json.

Each benchmark runs in a process of its own, one after the other; what it prints becomes its part of the page, between
the markers with its name.

    python benchmarks/report.py [--quick] [--only REGEX] [--check]      # or: make bench
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import measuring

SCRIPTS = (
    "imports",
    "emit",
    "survival",
    "contention",
    "fastapi_load",
    "batch",
    "pipeline",
    "where",
    "costly",
    "storage",
)
NEEDS = {"storage": "MLLOG_TEST_ELASTICSEARCH"}
"""Without these variables a benchmark is left out, and its figures stay, unless it is asked for by name."""

PACKAGES = (
    "msgspec",
    "orjson",
    "structlog",
    "python-json-logger",
    "picologging",
    "ecs-logging",
    "loguru",
    "opentelemetry-sdk",
    "python-logstash-async",
    "fastapi",
    "uvicorn",
    "pandas",
    "regex",
    "ahocorasick-rs",
)
GREY = "#767676"  # of the text: 4.5 to 1 on white, 4.2 to 1 on GitHub's dark background
LEAST = 0.1  # where the axis of the ratios begins
COLOURS = {"all": "#2a9d5c", "some": "#d18f1f", "hardly any": "#d1495b"}


def run(name: str, arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """The Markdown and the figures of one benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, str(measuring.HERE / f"{name}.py"), "--json", str(figures), *arguments]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return answer.stdout, json.loads(figures.read_text())


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "when": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": versions,
    }


def described(taken_on: dict[str, Any]) -> str:
    """The machine and the versions, for the page."""
    versions = ", ".join(f"{name} {version}" for name, version in taken_on["packages"].items())
    return (
        f"Taken on {taken_on['when']} on {taken_on['cores']} cores of {taken_on['cpu']}, {taken_on['system']}, "
        f"{taken_on['python']}, with {versions}.\n"
    )


def chart(results: dict[str, Any]) -> str:
    """What a call costs, and what of it survives a kill, as SVG that can be read on light and on dark."""
    import altair as alt
    import vl_convert

    of = results["survival"]["events"]

    def survives(name: str) -> str:
        found = min(count or 0 for count in results["survival"]["contenders"][name]["kill"])
        return "all" if found == of else "some" if found > of / 100 else "hardly any"

    rows = [
        {"name": name, "ratio": each["p50_ratio"], "survives": survives(name)}
        for name, each in results["emit"]["contenders"].items()
        if name in results["survival"]["contenders"]
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("name:N", sort=alt.EncodingSortField("ratio"), title=None),
        x=alt.X(
            "ratio:Q",
            title="p50 of a call, structlog + orjson = 1 (logarithmic)",
            scale=alt.Scale(type="log", domainMin=LEAST),
        ),
    )
    bars = base.mark_bar().encode(
        x2=alt.datum(LEAST),
        color=alt.Color(
            "survives:N",
            title="found after kill -9",
            sort=list(COLOURS),
            scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        ),
    )
    figures = base.mark_text(align="left", dx=4, color=GREY).encode(text=alt.Text("ratio:Q", format=".2f"))
    drawn = (
        (bars + figures)
        .properties(width=520, height=22 * len(rows), background="transparent")
        .configure_axis(
            labelColor=GREY, titleColor=GREY, tickColor=GREY, domainColor=GREY, gridOpacity=0.2, labelLimit=300
        )
        .configure_legend(labelColor=GREY, titleColor=GREY, orient="bottom")
        .configure_view(stroke=None)
    )
    return str(vl_convert.vegalite_to_svg(drawn.to_json()))


def replaced(page: str, name: str, text: str) -> str:
    """The page with another text between the markers of that name."""
    pattern = re.compile(rf"(<!-- begin {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
    if not pattern.search(page):
        sys.exit(f"docs/benchmarks.md has no markers of {name!r}")
    return pattern.sub(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures say nothing")
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, help="run these alone; keep the others")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a budget is not kept")
    parser.add_argument(
        "--root", type=Path, default=measuring.HERE.parent, help="folder that holds docs/ and benchmarks/"
    )
    options = parser.parse_args()
    page, results = options.root / "docs" / "benchmarks.md", options.root / "benchmarks" / "results.json"
    found: dict[str, Any] = json.loads(results.read_text()) if results.exists() else {}
    text, taken_on = page.read_text(), machine()
    names = options.only or [name for name in SCRIPTS if name not in NEEDS or os.environ.get(NEEDS[name])]
    for name in set(SCRIPTS) - set(names) if options.only is None else ():
        print(f"{name} is left out: {NEEDS[name]} names no node", file=sys.stderr)
    whole = set(SCRIPTS) - set(names) <= set(NEEDS)
    if whole or "machine" not in found:
        found["machine"] = taken_on
        text = replaced(text, "machine", described(taken_on))
    for number, name in enumerate(names, 1):
        print(f"{number} of {len(names)}: {name}", file=sys.stderr)
        markdown, found[name] = run(name, ["--quick"] if options.quick else [])
        print(markdown, flush=True)
        if not whole and taken_on["cpu"] != found["machine"]["cpu"]:
            markdown = f"{markdown.strip()}\n\n{described(taken_on)}"
        text = replaced(text, name, markdown)
        page.write_text(text)
        results.write_text(json.dumps(found, indent=1) + "\n")
    if "emit" in found and "survival" in found:
        page.with_suffix(".svg").write_text(chart(found))
    if options.check and any(found[name]["over_budget"] for name in names):
        sys.exit(1)


if __name__ == "__main__":
    main()
