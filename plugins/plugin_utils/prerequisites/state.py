# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of our prerequisites a router has, and the change that leads from one such state to another.

A change and its undo are the same thing with the two states exchanged.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import sysctls
from .forward_filter import Chain
from .table_layout import Table

__all__ = ["File", "Prepared", "Unit", "change", "reverse"]

Rule = tuple[int, int]


@dataclass(frozen=True)
class File:
    """``content`` without its last newline; ``mode`` as chmod(1) takes it."""

    content: str
    mode: str = "644"


class Unit(Enum):
    """How the restoring service stands."""

    ON = "enabled and active"
    OFF = "absent"
    PARTLY = "enabled or active"


@dataclass(frozen=True)
class Prepared:
    """A router's prerequisites.

    :ivar files: by path, those of ours that exist.
    :ivar directories: those of ours that exist.
    :ivar sysctls: name to value, those that matter.
    :ivar rules: IP version and priority of each rule that sends marked packets to our routing table.
    :ivar tables: how the table of our name stands, by family.
    :ivar opened: firewall chains that hold our accept rule.
    :ivar routes: IP versions that have routes of ours.
    :ivar unit: the service that restores after a boot.
    """

    files: Mapping[str, File] = field(default_factory=dict)
    directories: frozenset[str] = frozenset()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    rules: frozenset[Rule] = frozenset()
    tables: Mapping[str, Table] = field(default_factory=dict)
    opened: frozenset[Chain] = frozenset()
    routes: frozenset[int] = frozenset()
    unit: Unit = Unit.OFF

    def record(self) -> dict[str, Any]:
        """As plain data, for results."""
        return {
            "files": sorted(self.files),
            "firewall": [f"{chain.family} {chain.table} {chain.name}" for chain in sorted(self.opened)],
            "rules": [{"version": version, "priority": priority} for version, priority in sorted(self.rules)],
            "service": self.unit.value,
            "sysctls": dict(sorted(self.sysctls.items())),
            "tables": {family: table.value for family, table in sorted(self.tables.items())},
        }


def change(held: Prepared, goal: Prepared, unit_path: str, *, purge: bool = False) -> dict[str, Any]:
    """The variables of the template of a change; falsy values all over where there is nothing to do.

    :param purge: also remove what was saved.
    """
    put = [(path, file) for path, file in goal.files.items() if held.files.get(path) != file]
    remove = sorted(set(held.files) - set(goal.files))
    needed = {posixpath.dirname(path) for path, file in put} | goal.directories
    tables = {family: (held.tables.get(family), table) for family, table in goal.tables.items()}
    differ = [pair for pair in tables.values() if pair[0] is not pair[1]]
    gone = bool(differ) and all(table is Table.NONE for table in goal.tables.values())
    ours = bool(differ) and all(table is Table.OURS for table in goal.tables.values())
    known = any(old is Table.OTHER for old, new in differ)
    return {
        "disable": goal.unit is Unit.OFF and held.unit is not Unit.OFF,
        "mkdir": sorted(needed - held.directories),
        "put": put,
        "sysctls": [(sysctls.path(name), goal.sysctls[name]) for name in _written(held, goal)],
        "open": sorted(goal.opened - held.opened),
        "close": sorted(held.opened - goal.opened),
        "capture": any(old not in (None, Table.NONE) for old, new in differ) or bool(held.routes - goal.routes),
        "load": ours and not known,
        "replace": ours and known,
        "delete": gone,
        "recall": False,
        "rule": sorted(goal.rules - held.rules),
        "unrule": sorted(held.rules - goal.rules),
        "flush": sorted(held.routes - goal.routes),
        "remove": remove,
        "reload": any(path == unit_path for path, file in put) or unit_path in remove,
        "enable": goal.unit is Unit.ON and (held.unit is not Unit.ON or any(path == unit_path for path, file in put)),
        "keep": ours and not known,
        "rmdir": sorted(held.directories - goal.directories, reverse=True),
        "purge": purge,
    }


def reverse(held: Prepared, goal: Prepared, unit_path: str) -> dict[str, Any]:
    """The undo of a change: what the router had is recalled from what the change captured."""
    there, back = change(held, goal, unit_path), change(held=goal, goal=held, unit_path=unit_path)
    undone = {"capture": False, "load": False, "replace": False, "keep": False, "flush": []}
    return {**back, **undone, "recall": there["capture"]}


def _written(held: Prepared, goal: Prepared) -> list[str]:
    """The settings to write, in order: a switch of forwarding before those that the kernel changes with it."""
    differ = [name for name, value in goal.sysctls.items() if held.sysctls.get(name) != value]
    switches = [name for name in sysctls.FORWARDING if name in differ]
    after = [name for switch in switches for name in sysctls.dependents(switch, goal.sysctls)]
    return list(dict.fromkeys([*switches, *differ, *after]))
