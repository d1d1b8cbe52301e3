"""Checks that saved objects import into Kibana and open there; Kibana itself reports most faults only on opening."""

from __future__ import annotations

import fnmatch
import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mllog._resources import resource
from mllog.dashboards._panels import COLUMNS
from mllog.dashboards.kibana._lens import lens_problems
from mllog.errors import DashboardError

CORE_VERSION: Final = "8.8.0"
TYPE_VERSIONS: Final = {
    "dashboard": ("8.9.0", "10.2.0"),
    "lens": ("8.9.0",),
    "index-pattern": ("7.11.0",),
    "search": ("8.0.0",),
    "tag": ("8.0.0",),
    "links": ("10.1.0",),
}
_RECORDS: Final = "___records___"

Object = dict[str, Any]


@functools.cache
def mapped() -> tuple[str, ...]:
    """The fields of the component template; `*` stands for any name.

    Example:
        >>> "event.duration" in mapped(), "mllog.input.number.*" in mapped()
        (True, True)
    """
    template = json.loads(resource("elastic/component_templates/logs-mllog-mappings.json").read_bytes())
    names: list[str] = []
    stack = [("", template["template"]["mappings"]["properties"])]
    while stack:
        prefix, properties = stack.pop()
        for name, field in properties.items():
            if "properties" in field:
                stack.append((f"{prefix}{name}.", field["properties"]))
            elif field["type"] == "object":
                names.append(f"{prefix}{name}.*")
            else:
                names.append(f"{prefix}{name}")
    return tuple(sorted(names))


def check(source: str | Path | bytes) -> list[str]:
    """The faults that keep saved objects (NDJSON, a file or its bytes) from importing or opening; empty if none.

    Raises:
        DashboardError: the file cannot be read.

    Example:
        >>> check(b'{"type": "tag", "id": "t", "attributes": {}, "references": []}')
        ['tag t: coreMigrationVersion is None, not 8.8.0', 'tag t: typeMigrationVersion None is none of 8.0.0']
    """
    if isinstance(source, bytes):
        text = source
    else:
        try:
            text = Path(source).read_bytes()
        except OSError as error:
            raise DashboardError(f"{source}: cannot read the saved objects: {error.strerror}") from error
    objects: list[Object] = []
    problems: list[str] = []
    for line, row in enumerate(text.splitlines(), 1):
        try:
            item = json.loads(row)
        except ValueError as error:
            problems.append(f"line {line}: not JSON: {error}")
            continue
        if not (isinstance(item, dict) and isinstance(item.get("type"), str) and isinstance(item.get("id"), str)):
            problems.append(f"line {line}: a saved object has a type and an id")
            continue
        objects.append(item)
    present = {(item["type"], item["id"]) for item in objects}
    if len(present) < len(objects):
        problems.append("two objects have the same type and id; the second would replace the first")
    for item in objects:
        where = f"{item['type']} {item['id']}"
        try:
            problems.extend(f"{where}: {problem}" for problem in _problems(item, present))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: is not shaped like a saved object: {type(error).__name__}: {error}")
    return problems


def _problems(item: Object, present: set[tuple[str, str]]) -> Iterator[str]:
    if item.get("coreMigrationVersion") != CORE_VERSION:
        yield f"coreMigrationVersion is {item.get('coreMigrationVersion')}, not {CORE_VERSION}"
    allowed = TYPE_VERSIONS.get(item["type"])
    if allowed is None:
        yield f"the type is none of {', '.join(TYPE_VERSIONS)}"
        return
    if item.get("typeMigrationVersion") not in allowed:
        yield f"typeMigrationVersion {item.get('typeMigrationVersion')} is none of {', '.join(allowed)}"
    names = [reference["name"] for reference in item["references"]]
    yield from (f"two references are called {name!r}" for name in sorted({n for n in names if names.count(n) > 1}))
    for reference in item["references"]:
        if (reference["type"], reference["id"]) not in present:
            yield f"refers to {reference['type']} {reference['id']}, which is not in the bundle"
    if item["type"] == "dashboard":
        yield from _dashboard(item)
    elif item["type"] == "search":
        yield from _search(item)
    elif item["type"] == "index-pattern":
        yield from _data_view(item)


def _data_view(item: Object) -> Iterator[str]:
    attributes = item["attributes"]
    if not attributes.get("title"):
        yield "a data view needs a title, the pattern of its indices"
    for field in ("fieldFormatMap", "fields", "runtimeFieldMap", "sourceFilters", "typeMeta", "fieldAttrs"):
        if field in attributes:
            json.loads(attributes[field])


def _search(item: Object) -> Iterator[str]:
    attributes = item["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    wanted = source.get("indexRefName")
    if wanted not in {reference["name"] for reference in item["references"]}:
        yield f"its index reference {wanted!r} is not among its references"
    fields = [*attributes["columns"], *(field for field, _ in attributes["sort"])]
    yield from _unknown([*fields, *_filter_fields(source)])


def _dashboard(item: Object) -> Iterator[str]:
    attributes = item["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    indexes = [panel["panelIndex"] for panel in panels]
    for index in sorted({index for index in indexes if indexes.count(index) > 1}):
        yield f"panel {index}: two panels have this panelIndex"
    yield from _layout(panels)
    outer = {(reference["name"], reference["type"], reference["id"]) for reference in item["references"]}
    used: set[str] = set()
    for panel in panels:
        for problem in _panel(panel, outer, used):
            yield f"panel {panel['panelIndex']}: {problem}"
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    yield from _unknown(_filter_fields(source))
    controls = json.loads(attributes.get("controlGroupInput", {}).get("panelsJSON", "{}"))
    for name, control in controls.items():
        used.add(f"controlGroup_{name}:optionsListDataView")
        yield from _unknown([control["explicitInput"]["fieldName"]])
    for name, kind, _ in sorted(outer):
        if kind != "tag" and name not in used:
            yield f"the reference {name!r} belongs to no panel"


def _layout(panels: list[Object]) -> Iterator[str]:
    for place, panel in enumerate(panels):
        grid = panel["gridData"]
        if grid["i"] != panel["panelIndex"]:
            yield f"panel {panel['panelIndex']}: gridData.i is {grid['i']}, not the panelIndex"
        if grid["x"] < 0 or grid["y"] < 0 or grid["w"] <= 0 or grid["h"] <= 0 or grid["x"] + grid["w"] > COLUMNS:
            yield f"panel {panel['panelIndex']}: does not fit into {COLUMNS} columns"
        for other in panels[:place]:
            if _overlap(grid, other["gridData"]):
                yield f"panel {panel['panelIndex']}: overlaps panel {other['panelIndex']}"


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (apart_x or apart_y)


def _panel(panel: Object, outer: set[tuple[str, str, str]], used: set[str]) -> Iterator[str]:
    config = panel["embeddableConfig"]
    if panel["type"] == "lens":
        for inner in config["attributes"]["references"]:
            name = f"{panel['panelIndex']}:{inner['name']}"
            used.add(name)
            if (name, inner["type"], inner["id"]) not in outer:
                yield f"the dashboard has no reference {name!r} to {inner['type']} {inner['id']}"
        yield from lens_problems(config["attributes"])
        yield from _unknown(_lens_fields(config["attributes"]))
    elif panel["type"] == "search":
        used.add(panel["panelRefName"])
        if panel["panelRefName"] not in {name for name, kind, _ in outer if kind == "search"}:
            yield f"the dashboard has no reference {panel['panelRefName']!r} to a search"
    elif config.get("savedVis", {}).get("type") == "vega":
        spec = json.loads(config["savedVis"]["params"]["spec"])
        if "vega.github.io/schema/vega" not in spec.get("$schema", ""):
            yield "a Vega panel needs a $schema, else Kibana cannot tell Vega from Vega-Lite"
        if "query" in spec["data"]["url"].get("body", {}) and spec["data"]["url"].get("%context%"):
            yield "a Vega panel has either %context% or a query of its own, not both"
        yield from _unknown(_aggregated_fields(spec["data"]["url"].get("body", {}).get("aggs", {})))


def _lens_fields(attributes: Object) -> list[str]:
    layers = attributes["state"]["datasourceStates"]["formBased"]["layers"].values()
    columns = [column for layer in layers for column in layer["columns"].values()]
    return [column["sourceField"] for column in columns if column.get("sourceField", _RECORDS) != _RECORDS]


def _filter_fields(source: Object) -> list[str]:
    return [entry["meta"]["key"] for entry in source.get("filter", []) if "key" in entry.get("meta", {})]


def _aggregated_fields(aggregations: Object) -> Iterator[str]:
    for aggregation in aggregations.values():
        for kind, body in aggregation.items():
            if kind == "aggs":
                yield from _aggregated_fields(body)
            elif "field" in body:
                yield body["field"]


def _unknown(fields: Any) -> Iterator[str]:
    for field in fields:
        if not any(fnmatch.fnmatchcase(field, pattern) for pattern in mapped()):
            yield f"no field {field!r} in the index template"
