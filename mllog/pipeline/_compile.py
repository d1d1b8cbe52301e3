"""From statements to one function: filters and branches in order, outputs with their conditions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._condition import Condition, ConditionError, condition
from mllog.pipeline._config import Branch, Plugin, Statement, place_of
from mllog.pipeline._coverage import Arm, Coverage
from mllog.pipeline._endpoints import CODECS, INPUTS, OUTPUTS
from mllog.pipeline._event import Event
from mllog.pipeline._guard import Guard, guard, together
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._settings import Schema, checked
from mllog.pipeline._sprintf import TemplateError, malformed, template
from mllog.pipeline.filters import FILTERS, OUTSIDE
from mllog.pipeline.filters._common import Filter, Spread

_log: Final = logging.getLogger("mllog.pipeline")

Reach = Callable[[Event], Iterable[Plugin]]
Batch = Callable[[list[Event]], list[Event]]
"""From events to those that are left of them and those that came of them."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an event goes: an output with its settings filled from the event.

    Attributes:
        plugin: such as `elasticsearch`.
        settings: with every `%{…}` replaced.
        id: the output's `id`, if it has one.
    """

    plugin: str
    settings: Mapping[str, Any]
    id: str | None = None


class Compiler:
    """Builds the functions of one pipeline; the environment is that of its variables."""

    def __init__(self, environ: Mapping[str, str], coverage: Coverage | None = None) -> None:
        self._environ = environ
        self._coverage = coverage
        self._ids: set[str] = set()

    def stage(self, statements: list[Statement]) -> Callable[[Event], list[Event]]:
        """The filter stage. Where one event can become several, events go through in lists, which costs more."""
        if spreads(statements):
            run = self._batch(statements)
            return lambda event: run([event])
        one = self.filters(statements)
        return lambda event: [event] if one(event) else []

    def _batch(self, statements: Iterable[Statement]) -> Batch:
        steps = [self._batch_branch(item) if isinstance(item, Branch) else self._each(item) for item in statements]

        def run(events: list[Event]) -> list[Event]:
            for step in steps:
                events = step(events)
            return events

        return run

    def _each(self, plugin: Plugin) -> Batch:
        step = self._filter(plugin)
        if isinstance(step, Spread):
            spread = step.run
            return lambda events: [other for event in events for other in spread(event)]
        keep = step
        return lambda events: [event for event in events if keep(event)]

    def _batch_branch(self, branch: Branch) -> Batch:
        """Events of an earlier arm come first, then those of the later ones, then those of none, as in Logstash."""
        arms = [(test, self._batch(body)) for test, body in self._arms(branch)]

        def run(events: list[Event]) -> list[Event]:
            done: list[Event] = []
            for test, body in arms:
                answers = [test(event) for event in events]
                done += body([event for event, there in zip(events, answers, strict=True) if there])
                events = [event for event, there in zip(events, answers, strict=True) if not there]
            return done + events

        return run

    def filters(self, statements: Iterable[Statement]) -> Filter:
        """One function for a list of filters and branches: False when the event was dropped."""
        listed = list(statements)
        steps = [self._branch(item) if isinstance(item, Branch) else self._single(item) for item in listed]
        steps = together(steps, [self._guard(item) for item in listed])
        if len(steps) == 1:
            return steps[0]

        def run(event: Event) -> bool:
            for step in steps:  # noqa: SIM110 - a generator for every event costs more than its steps
                if not step(event):
                    return False
            return True

        return run

    def _guard(self, item: Statement) -> Guard | None:
        """What an `if` without `else` asks first; where coverage is asked for, each is asked on its own."""
        if isinstance(item, Branch) and len(item.arms) == 1 and self._coverage is None:
            return guard(item.arms[0][0])
        return None

    def _branch(self, branch: Branch) -> Filter:
        arms = [(test, self.filters(body)) for test, body in self._arms(branch)]
        if len(arms) == 1:
            test, then = arms[0]
            return lambda event: then(event) if test(event) else True

        def run(event: Event) -> bool:
            for test, body in arms:
                if test(event):
                    return body(event)
            return True

        return run

    def _arms(self, branch: Branch) -> list[tuple[Condition, Sequence[Statement]]]:
        """Condition and statements of each arm; where coverage is asked for, they say when they are reached."""
        arms: list[tuple[Condition, Sequence[Statement]]] = [
            (self._condition(branch, node), body) for node, body in branch.arms
        ]
        if self._coverage is None:
            return arms
        labels = ["if", *["else if"] * (len(arms) - 1)]
        places = [branch.place if node is None else place_of(node, branch.place.file) for node, _ in branch.arms]
        if branch.arms[-1][0] is None:
            labels[-1] = "else"
        else:
            arms.append((lambda _: True, ()))
            labels.append("no else")
            places.append(branch.place)
        return [
            (self._watched(test, self._coverage.arm(place, label)), body)
            for (test, body), label, place in zip(arms, labels, places, strict=True)
        ]

    def _watched(self, test: Condition, arm: Arm) -> Condition:
        coverage = self._coverage
        assert coverage is not None

        def watched(event: Event) -> bool:
            there = test(event)
            if there:
                coverage.reach(arm)
            return there

        return watched

    def _condition(self, branch: Branch, node: Any) -> Condition:
        return (lambda _: True) if node is None else condition(node, branch.place.file, self._environ)

    def _single(self, plugin: Plugin) -> Filter:
        step = self._filter(plugin)
        assert not isinstance(step, Spread)
        return step

    def _filter(self, plugin: Plugin) -> Filter | Spread:
        if plugin.name not in FILTERS:
            known = "is outside the embedded subset" if plugin.name in OUTSIDE else "is unknown"
            raise plugin.place.error(f"the filter {plugin.name!r} {known}: use {', '.join(FILTERS)}")
        schema, build = FILTERS[plugin.name]
        ready = self._own(checked(plugin, schema, self._environ))
        if plugin.name != "mutate":  # which tags the event
            _refuse_malformed(ready)
        try:
            return build(ready)
        except (TemplateError, PatternError, _field.FieldError) as error:
            raise plugin.place.error(f"{plugin.name}: {error}") from None

    def _own(self, plugin: Plugin) -> Plugin:
        """The plugin, where no other one has its id."""
        name = plugin.id()
        if name is not None and name in self._ids:
            raise plugin.setting_place("id").error(f"duplicate id {name!r}")
        if name is not None:
            self._ids.add(name)
        return plugin

    def inputs(self, statements: Iterable[Statement]) -> tuple[Plugin, ...]:
        """The inputs, checked."""
        return tuple(self._endpoint(item, INPUTS, "input") for item in statements if isinstance(item, Plugin))

    def _endpoint(self, plugin: Plugin, known: Mapping[str, Schema], what: str) -> Plugin:
        if plugin.name not in known:
            raise plugin.place.error(
                f"the {what} {plugin.name!r} is unknown or outside the embedded subset: use {', '.join(known)}"
            )
        # The embedded server binds inputs and outputs itself: a secret of theirs that is not set is no fault here.
        ready = self._own(checked(plugin, known[plugin.name], self._environ, unset=""))
        codec = ready.settings.get("codec")
        if codec is None:
            return ready
        place = plugin.setting_place("codec")
        named = codec if isinstance(codec, Plugin) else Plugin(str(codec), {}, place)
        return Plugin(
            ready.name, {**ready.settings, "codec": self._endpoint(named, CODECS, "codec")}, ready.place, ready.places
        )

    def outputs(self, statements: Iterable[Statement]) -> tuple[tuple[Plugin, ...], Reach]:
        """The outputs, checked, and a function that names those an event reaches."""
        found: list[Plugin] = []
        reaches: list[Reach] = []
        for item in statements:
            if isinstance(item, Plugin):
                plugin = self._endpoint(item, OUTPUTS, "output")
                found.append(plugin)
                reaches.append(lambda _, only=(plugin,): only)  # type: ignore[misc]
            else:
                inner, reach = self._output_branch(item)
                found += inner
                reaches.append(reach)
        return tuple(found), lambda event: [plugin for reach in reaches for plugin in reach(event)]

    def _output_branch(self, branch: Branch) -> tuple[list[Plugin], Reach]:
        found: list[Plugin] = []
        arms: list[tuple[Condition, Reach]] = []
        for node, body in branch.arms:
            plugins, reach = self.outputs(body)
            found += plugins
            arms.append((self._condition(branch, node), reach))
        return found, lambda event: next((reach(event) for test, reach in arms if test(event)), ())


def _refuse_malformed(plugin: Plugin) -> None:
    """Refuse placeholders that would fail with every event, and stop a pipeline of Logstash.

    Raises:
        PipelineError: one is in a setting.
    """
    for name, value in plugin.settings.items():
        pairs = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else [value]
        for item in pairs:
            broken = malformed(item) if isinstance(item, str) and name not in {"match", "mapping"} else None
            if broken is not None:
                raise plugin.setting_place(name).error(f"{broken} is no field reference")


def resolver(plugin: Plugin) -> Callable[[Event], Destination]:
    """A function that fills an output's settings from an event.

    Raises:
        PipelineError: a placeholder is outside the embedded subset.
    """
    fixed = {name: value for name, value in plugin.settings.items() if not isinstance(value, str)}
    try:
        texts = {name: template(value) for name, value in plugin.settings.items() if isinstance(value, str)}
    except TemplateError as error:
        raise plugin.place.error(f"{plugin.name}: {error}") from None

    def resolve(event: Event) -> Destination:
        return Destination(plugin.name, fixed | {name: fill(event) for name, fill in texts.items()}, plugin.id())

    return resolve


def spreads(statements: Iterable[Statement]) -> bool:
    """Whether a filter among them, or within their branches, makes several events of one."""
    return any(
        any(spreads(body) for _, body in item.arms) if isinstance(item, Branch) else item.name in {"clone", "split"}
        for item in statements
    )


def guarded(run: Callable[[Event], list[Event]]) -> Callable[[Event], list[Event]]:
    """A filter stage that raises for no event: what Logstash drops is dropped, and so is what nobody foresaw."""

    def safe(event: Event) -> list[Event]:
        try:
            return run(event)
        except ConditionError as error:
            _log.warning("an event was dropped: %s", error)
        except Exception as error:  # noqa: BLE001 - one hostile event must not stop the runner
            # The event itself, and with it the error's text, may hold what must not be logged.
            _log.error("an event was dropped: %s in the filter stage", type(error).__name__)
        return []

    return safe
