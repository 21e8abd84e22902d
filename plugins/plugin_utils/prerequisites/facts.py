# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found on a Linux router: one script's output, read once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...module_utils.errors import HandoverError
from ...module_utils.platforms.base import Output
from ...module_utils.platforms.nftables import Nftables
from ..rendering import Renderer
from . import sysctls
from .forward_filter import Chain, Firewall
from .settings import DIRECTORIES, PATHS, SETTINGS, SYSTEM_DIRECTORIES, Options, context, table_text
from .state import File, Prepared, Unit
from .table_layout import compare, objects

__all__ = ["MADE", "Facts", "gather_script", "read"]

#: Begins the line that remembers a directory which did not exist before us.
MADE = "# made directory: "


@dataclass(frozen=True)
class Facts:
    """What was found on a router.

    :ivar held: its prerequisites.
    :ivar firewall: its own firewall.
    :ivar elements: how many entries of live handovers it holds.
    :ivar interfaces: their names.
    :ivar includes: patterns of the files that ``/etc/nftables.conf`` includes.
    :ivar legacy: whether the old iptables filters, whose rules nft does not list.
    """

    held: Prepared
    firewall: Firewall
    elements: int
    interfaces: frozenset[str]
    includes: tuple[str, ...]
    legacy: bool

    @property
    def before(self) -> dict[str, str]:
        """The sysctls that were changed, and their values before."""
        return sysctls.parse(self._text("sysctl_before_path"))

    @property
    def ours(self) -> dict[str, str]:
        """The sysctls that were changed, and the values that they were given."""
        return sysctls.parse(self._text("sysctl_path"))

    @property
    def made(self) -> frozenset[str]:
        """Directories of the system that did not exist before us."""
        lines = self._text("sysctl_before_path").splitlines()
        return frozenset(line.removeprefix(MADE) for line in lines if line.startswith(MADE))

    def _text(self, path: str) -> str:
        file = self.held.files.get(SETTINGS[path])
        return file.content if file else ""


def gather_script(options: Options, renderer: Renderer, sysctls: Iterable[str] = ()) -> str:
    """The script that finds out everything. It loads the static table in a scratch namespace, to compare it.

    :param sysctls: settings to tell besides those that are needed or remembered.
    """
    link = f"net.ipv4.conf.{options.inside_interface.replace('.', '/')}.rp_filter"
    variables = {
        **context(options),
        "table_text": table_text(options, renderer),
        "sysctl_names": [
            *options.wanted,
            *sysctls,
            "net.ipv4.conf.all.rp_filter",
            *([link] if options.inside_interface else []),
        ],
        "paths": [SETTINGS[name] for name in PATHS],
        "directories": [*DIRECTORIES, *SYSTEM_DIRECTORIES],
    }
    return renderer.render("nftables/prerequisites_gather.sh.j2", variables)


def read(output: Output, options: Options) -> Facts:
    """What the script printed.

    :raises HandoverError: ``no_privilege``, ``tools_missing``, ``unreadable_answer``, ``syntax_refused``,
        ``table_held``.
    """
    said = output.sections
    if said["user"].strip() != "0":
        raise HandoverError(
            "no_privilege", f"user id {said['user'].strip()}", "the login may become root", "Set become."
        )
    if said["lacking"].strip():
        raise HandoverError(
            "tools_missing", ", ".join(said["lacking"].split()), "the router has the tools", "Install them."
        )
    for section in ("ruleset", "layout"):
        if section in output.status:
            raise Nftables().diagnose("table.nft.j2" if section == "layout" else "nft list", said[section])
    if said["owner"].strip():
        raise HandoverError(
            "table_held",
            f"table {said['owner'].split()[0]} {SETTINGS['table']}",
            "nobody else holds the table of our name",
            "A running program owns it (nft: flags owner). Stop that program, or give its table another name.",
        )
    ruleset = objects(said["ruleset"])
    tables = compare(ruleset, objects(said["layout"]), SETTINGS["table"])
    firewall = _firewall(ruleset, options)
    modes = dict(line.split(" ", 1)[::-1] for line in said["modes"].splitlines() if line[:1].isdigit())
    held = Prepared(
        files={
            path: File(said[f"file {path}"].rstrip("\n"), modes.get(path, ""))
            for path in (SETTINGS[name] for name in PATHS)
            if f"file {path}" not in output.status
        },
        directories=frozenset(said["directories"].split()) & {*DIRECTORIES, *SYSTEM_DIRECTORIES},
        sysctls=sysctls.parse(said["sysctls"]),
        rules=frozenset(rule for version in (4, 6) for rule in _rules(output, version)),
        tables=tables,
        opened=frozenset(firewall.opened()),
        routes=frozenset(version for version in (4, 6) if said[f"routes{version}"].strip()),
        unit=_unit(said["unit"].split()),
    )
    return Facts(
        held=held,
        firewall=firewall,
        elements=sum(map(int, said["elements"].split())),
        interfaces=frozenset(said["interfaces"].split()),
        includes=tuple(re.findall(r'^\s*include\s+"([^"]+)"', said["include"], re.MULTILINE)),
        legacy="filter" in said["legacy"].split(),
    )


def _firewall(ruleset: list[tuple[str, Mapping[str, Any]]], options: Options) -> Firewall:
    chains: dict[Chain, Mapping[str, Any]] = {}
    rules: dict[Chain, list[Mapping[str, Any]]] = {}
    for kind, body in ruleset:
        if kind == "chain" and body["table"] != SETTINGS["table"]:
            chains[Chain(body["family"], body["table"], body["name"])] = body
        elif kind == "rule" and body["table"] != SETTINGS["table"]:
            rules.setdefault(Chain(body["family"], body["table"], body["chain"]), []).append(body)
    interfaces = {options.inside_interface, options.outside_interface} if options.outside_interface else set()
    mark = int(SETTINGS["mark"], 16), int(SETTINGS["mark_mask"], 16)
    return Firewall(chains, rules, frozenset(interfaces), mark, SETTINGS["rule_comment"])


def _rules(output: Output, version: int) -> Iterable[tuple[int, int]]:
    """Rules that send our mark to our routing table, whatever their priority."""
    if f"rules{version}" in output.status:
        return
    for rule in json.loads(output.sections[f"rules{version}"] or "[]"):
        ours = {"fwmark": SETTINGS["mark"], "fwmask": SETTINGS["mark_mask"], "table": str(SETTINGS["routing_table"])}
        if rule == {"priority": rule["priority"], "src": "all", **ours}:
            yield version, int(rule["priority"])


def _unit(words: list[str]) -> Unit:
    """From what systemctl says to is-enabled and is-active."""
    if words == ["enabled", "active"]:
        return Unit.ON
    return Unit.PARTLY if {"enabled", "active"} & set(words) else Unit.OFF
