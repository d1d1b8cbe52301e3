"""The cidr filter: tags and fields for an event with an address in one of some networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event
from mllog.pipeline._settings import ARRAY, Schema, Setting
from mllog.pipeline._sprintf import template
from mllog.pipeline.filters._common import COMMON, Filter, matched

SCHEMA: Final = Schema(
    {**COMMON, "address": Setting("array", required=True), "network": ARRAY},
    outside=frozenset({"network_path", "refresh_interval", "separator"}),
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Texts = Callable[[Event], Iterable[str]]


def _networks(texts: Iterable[str]) -> Iterator[Network]:
    """The networks that the texts name; an address is a network of one, and what is neither is passed over."""
    for text in texts:
        try:
            yield ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue


def build(plugin: Plugin) -> Filter:
    """A function that adds what it is told where an address lies in a network; other events stay as they are."""
    addresses = [template(str(text)) for text in plugin.settings["address"]]
    blocks = [str(text) for text in plugin.settings.get("network", ())]
    templates = [template(text) for text in blocks]
    fixed = None if any("%{" in text for text in blocks) else list(_networks(_split(blocks)))
    done = matched(plugin)

    def run(event: Event) -> bool:
        given = list(_networks(text(event) for text in addresses))
        networks = list(_networks(_split(text(event) for text in templates))) if fixed is None else fixed
        if done is not None and any(_within(one, other) for one in given for other in networks):
            done(event)
        return True

    return run


def _split(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (part.strip() for part in text.split(","))


def _within(inner: Network, outer: Network) -> bool:
    """Whether a network lies in another one of the same version.

    Example:
        >>> network = ipaddress.ip_network
        >>> _within(network("192.0.2.7"), network("192.0.2.0/24")), _within(network("::1"), network("192.0.2.0/24"))
        (True, False)
    """
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)
