# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The static part of routers with iptables: chains of ours in the tables raw and nat, and a sweeper.

Rules of iptables do not expire by themselves: a timer on the router takes away what has.
"""

from __future__ import annotations

from ...module_utils.platforms.base import Output
from ...module_utils.platforms.iptables import Iptables
from .backend import Backend
from .forward_filter import Firewall, firewall_of
from .iptables_rules import objects_of
from .settings import OWN, RUN, STATE, Options
from .table_layout import FAMILIES, Table, objects

__all__ = ["IptablesBackend"]


class IptablesBackend(Backend):
    """Either variant of iptables; the one that the command ``iptables`` is on the router."""

    platform = Iptables()
    settings = {  # noqa: RUF012 - never changed
        "chains_path": f"{OWN}/chains",
        "sweep_path": f"{OWN}/sweep",
        "sweep_unit": "sipmobility-sweep",
        "sweep_service_path": "/etc/systemd/system/sipmobility-sweep.service",
        "sweep_timer_path": "/etc/systemd/system/sipmobility-sweep.timer",
        "elements_path": f"{STATE}/elements.rules",
        "captured_path": f"{RUN}/captured.rules",
    }
    static_files = (("chains_path", "chains.sh.j2", "755"), ("sweep_path", "sweep.sh.j2", "755"))
    unit_files = (
        ("sweep_service_path", "sweep.service.j2", "644"),
        ("sweep_timer_path", "sweep.timer.j2", "644"),
    )
    system_directories = ("/etc/sysctl.d",)
    tools = ("conntrack", "ip6tables", "ip6tables-restore", "ip6tables-save", "iptables", "iptables-restore")

    static_name = "chains sipmobility"
    speaks_iptables = True

    def tables(self, output: Output) -> dict[str, Table]:
        return {family: self._table(output.sections[f"chains {family}"]) for family in FAMILIES}

    def firewall(self, output: Output, options: Options) -> Firewall:
        # What nft lists of a table that iptables made hides some matches: iptables' own words go first.
        own = [item for family in FAMILIES for item in objects_of(family, output.sections[f"filter {family}"])]
        seen = {(body["family"], body["table"]) for kind, body in own}
        listed = objects(output.sections["ruleset"])
        others = [item for item in listed if (item[1].get("family"), item[1].get("table")) not in seen]
        return firewall_of([*others, *own], options.interfaces, options.mark, self.setting("rule_comment"))

    def _table(self, saved: str) -> Table:
        """From the lines of ``iptables-save`` that name a chain of ours: all chains and each one's jump, or less."""
        settings = self.platform.settings
        raw = [settings["hold_chain"], settings["mark_chain"]]
        wanted = {f":{chain}" for chain in (*raw, *settings["dst_chains"], *settings["src_chains"])}
        wanted |= {f"-A PREROUTING -j {chain}" for chain in (*raw, *settings["dst_chains"])}
        wanted |= {f"-A POSTROUTING -j {chain}" for chain in settings["src_chains"]}
        lines = saved.splitlines()
        held = [line.split(" ")[0] if line.startswith(":") else line for line in lines]
        if not held:
            return Table.NONE
        known = {line for line in held if line in wanted}
        rules = [line for line in held if line not in wanted]
        if any(not self._is_ours(line) for line in rules):
            return Table.FOREIGN
        return Table.OURS if known == wanted else Table.RULES

    def _is_ours(self, line: str) -> bool:
        """A rule that a step made: stamped, or one of the marks that follow from the stamped ones."""
        return "sipmobility:1 " in line or line.startswith(f"-A {self.platform.settings['mark_chain']} ")
