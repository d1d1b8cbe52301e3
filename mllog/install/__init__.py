"""Installs everything into a real cluster, and checks it: `mllog setup` and `mllog check`."""

from __future__ import annotations

from mllog.cluster._elasticsearch import Cluster
from mllog.cluster._kibana import Kibana
from mllog.cluster._target import Target, cloud_url, target_from
from mllog.install._keys import ensure_folder, ensure_maker, make_keys, missing_keys
from mllog.install._kibana import (
    KibanaPlan,
    apply_kibana,
    bundles_of,
    plan_kibana,
    remove_kibana,
    rules_of,
)
from mllog.install._licence import limits
from mllog.install._models import composed, model_template, rollover_reasons
from mllog.install._plan import Change, Plan, Reason, Rollover, apply, plan
from mllog.install._retention import Outlook, Retention, outlook
from mllog.install._retention import parse as parse_retention
from mllog.install._uninstall import Removal, removal, remove

__all__ = [
    "Change",
    "Cluster",
    "Kibana",
    "KibanaPlan",
    "Outlook",
    "Plan",
    "Reason",
    "Removal",
    "Retention",
    "Rollover",
    "Target",
    "apply",
    "apply_kibana",
    "bundles_of",
    "cloud_url",
    "composed",
    "ensure_folder",
    "ensure_maker",
    "limits",
    "make_keys",
    "missing_keys",
    "model_template",
    "outlook",
    "parse_retention",
    "plan",
    "plan_kibana",
    "removal",
    "remove",
    "remove_kibana",
    "rollover_reasons",
    "rules_of",
    "target_from",
]
