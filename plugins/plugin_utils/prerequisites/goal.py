# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Linux router shall have: everything that handovers need, or what it had before."""

from __future__ import annotations

from collections.abc import Mapping

from ...module_utils.errors import HandoverError
from ..rendering import Renderer
from . import sysctls
from .backend import Backend
from .facts import MADE, Facts
from .forward_filter import Chain
from .settings import DIRECTORIES, SETTINGS, Options
from .state import File, Prepared, Unit
from .table_layout import Table

__all__ = ["absent_goal", "advice", "present_goal"]


def present_goal(backend: Backend, facts: Facts, options: Options, renderer: Renderer) -> Prepared:
    """What the router shall have.

    :raises HandoverError: ``no_such_interface``, ``sysctl_wrong``, ``table_foreign``, ``table_differs``,
        ``firewall_blocks``.
    """
    held = facts.held
    if options.inside_interface not in facts.interfaces:
        raise HandoverError(
            "no_such_interface",
            options.inside_interface,
            f"the inside interface is one of {', '.join(sorted(facts.interfaces))}",
            "Set handover_inside_interface.",
        )
    _loadable(backend, held.tables, options)
    opened = _opened(backend, facts, options, renderer)
    values, before = _sysctl_goal(facts, options)
    made = facts.made | {path for path in backend.system_directories if path not in held.directories}
    notes = [MADE + path for path in sorted(made)] + [f"{name} = {value}" for name, value in before.items()]
    versions = [version for version, name in zip((4, 6), sysctls.FORWARDING, strict=True) if name in held.sysctls]
    kept = {name: value for name, value in options.wanted.items() if name in before}
    wanted = backend.files(options, renderer, kept, opened)
    if notes:
        wanted = {SETTINGS["sysctl_before_path"]: File("\n".join(notes)), **wanted}
    return Prepared(
        files=wanted,
        directories=held.directories | {*DIRECTORIES, *made},
        sysctls=values,
        rules=frozenset((version, options.rule_priority) for version in versions),
        tables=dict.fromkeys(held.tables, Table.OURS),
        opened=opened,
        routes=held.routes,
        unit=Unit.ON if options.persistence == "systemd" else Unit.OFF,
    )


def absent_goal(backend: Backend, facts: Facts, options: Options) -> Prepared:
    """The router as it was before.

    :raises HandoverError: ``handovers_live``, ``table_foreign``.
    """
    held = facts.held
    _not_foreign(backend, held.tables)
    if facts.elements and not options.drop_handovers:
        raise HandoverError(
            "handovers_live",
            f"{facts.elements} entries",
            "a router that is taken out of service holds no handovers",
            "Run withdraw.yml first, or set first_hop_router_drop_handovers and lose the sessions.",
        )
    back, ours = dict(held.sysctls), facts.ours
    for name, value in facts.before.items():
        # What somebody else has changed since is his.
        if name in held.sysctls and held.sysctls[name] == ours.get(name, held.sysctls[name]):
            for also in sysctls.dependents(name, held.sysctls):
                back.pop(also, None)
            back[name] = value
    return Prepared(
        directories=held.directories - {*DIRECTORIES, *facts.made},
        sysctls=back,
        unit=Unit.OFF,
        tables=dict.fromkeys(held.tables, Table.NONE),
    )


def advice(facts: Facts, options: Options) -> list[str]:
    """What the operator should know, though it does not keep handovers from working."""
    found = list(facts.filter_advice)
    if sysctls.strict(facts.held.sysctls, options.inside_interface) and options.rp_filter == "keep":
        found.append(
            f"Reverse path filtering is strict on {options.inside_interface}: a phone that asks for neighbours "
            "under its old address gets no answer. Phones need arp_announce=2, or the router needs "
            "first_hop_router_rp_filter: loose."
        )
    ours = facts.ours
    found += [
        f"{name} is {facts.held.sysctls[name]}, was set to {value} by us: left alone when we go."
        for name, value in ours.items()
        if facts.held.sysctls.get(name, value) != value
    ]
    return found


def _not_foreign(backend: Backend, tables: Mapping[str, Table]) -> None:
    for family, table in tables.items():
        if table is Table.FOREIGN:
            raise HandoverError(
                "table_foreign",
                f"{backend.static_name} of family {family}",
                "what has our name is ours",
                "Somebody else made it, or another version of this role. Remove it by hand, then run the role again.",
            )


def _loadable(backend: Backend, tables: Mapping[str, Table], options: Options) -> None:
    _not_foreign(backend, tables)
    for family, table in tables.items():
        if table is Table.OTHER and not options.replace_table:
            raise HandoverError(
                "table_differs",
                f"{backend.static_name} of family {family}",
                "the table on the router has the layout that is asked for",
                "Set first_hop_router_replace_table to load it anew; the entries that it holds are kept.",
            )


def _opened(backend: Backend, facts: Facts, options: Options, renderer: Renderer) -> frozenset[Chain]:
    """The chains that shall hold our accept rule."""
    held = facts.held.opened
    blocking = facts.firewall.blocking() if options.firewall != "ignore" else []
    if options.firewall == "insert":
        by_hand = [chain for chain in blocking if chain.of_iptables and not backend.speaks_iptables]
        wanted = frozenset(blocking) - frozenset(by_hand)
    else:
        by_hand = [chain for chain in blocking if chain not in held]
        wanted = held
    if by_hand:
        lines = [backend.accept_line(chain, options, renderer) for chain in by_hand]
        raise HandoverError(
            "firewall_blocks",
            ", ".join(f"chain {chain.family} {chain.table} {chain.name}" for chain in by_hand),
            "the router's own firewall accepts packets with our mark",
            "Add to it, now and in its configuration: "
            + "; ".join(lines)
            + (". Or set first_hop_router_firewall: insert." if options.firewall == "check" else "."),
        )
    return wanted


def _sysctl_goal(facts: Facts, options: Options) -> tuple[dict[str, str], dict[str, str]]:
    """The values that the router shall have, and those to remember."""
    current, wanted = facts.held.sysctls, options.wanted
    known = {name: value for name, value in wanted.items() if name in current}
    wrong = [name for name, value in known.items() if current[name] != value]
    if wrong and options.sysctl == "check":
        raise HandoverError(
            "sysctl_wrong",
            sysctls.shown(wrong, current, wanted),
            "the kernel's settings are those that handovers need",
            "Set them in the router's own configuration, or set first_hop_router_sysctl: set.",
        )
    goal, remembered = {**current, **known}, facts.before
    for name in wrong:
        for also in [name, *sysctls.dependents(name, current)]:
            remembered.setdefault(also, current[also])
        for also in sysctls.dependents(name, current):
            goal.pop(also)  # the kernel decides
    # Of another inside interface, or of an option that was taken back.
    for name in facts.ours:
        if name not in wanted and name in remembered:
            before = remembered.pop(name)
            goal.update({name: before} if name in current else {})
    return goal, remembered
