# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard asks for what the service tells, with the labels that it has, and for all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.registry import Collector

from ansible_collections.sipmobility.handover.agent.service.report import Report

_DASHBOARD = json.loads(
    (Path(__file__).resolve().parents[4] / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8")
)
_NAME = re.compile(r"\bsip_handover_[a-z_]+")
_BY, _LEGEND = re.compile(r"by \(([a-z, ]+)\)"), re.compile(r"\{\{([a-z]+)\}\}")


def metrics() -> dict[str, tuple[Collector, set[str]]]:
    """What is told, by the names that can be asked for, with its labels."""
    found = {}
    for name, metric in Report().registry._names_to_collectors.items():
        labels = set(metric._labelnames)  # type: ignore[attr-defined]
        found[name] = metric, labels | ({"le"} if name.endswith("_bucket") else set())
    return found


def targets() -> list[dict[str, Any]]:
    return [target for panel in _DASHBOARD["panels"] for target in panel["targets"]]


def test_everything_asked_for_is_told() -> None:
    told = metrics()
    for target in targets():
        (name,) = _NAME.findall(target["expr"])
        assert name in told
        by = {label for labels in _BY.findall(target["expr"]) for label in labels.split(", ")}
        assert by <= told[name][1] | {"instance"}
        assert set(_LEGEND.findall(target["legendFormat"])) <= by
    assert set(_NAME.findall(json.dumps(_DASHBOARD["templating"]))) <= set(told)


def test_everything_told_is_asked_for() -> None:
    told = metrics()
    shown = {told[name][0] for target in targets() for name in _NAME.findall(target["expr"])}
    assert shown == {metric for metric, _labels in told.values()}


def test_panels_stand_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in _DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in _DASHBOARD["panels"]}) == len(_DASHBOARD["panels"])
