# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The static part of routers with nftables: one table of ours in each family."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import Any

from ...module_utils.errors import HandoverError
from ...module_utils.platforms.base import Output
from ...module_utils.platforms.nftables import Nftables
from ..rendering import Renderer
from .backend import Backend
from .forward_filter import Chain, Firewall, firewall_of
from .settings import RUN, STATE, Options
from .table_layout import FAMILIES, Table, compare, objects

__all__ = ["NftablesBackend"]


class NftablesBackend(Backend):
    """The table is loaded with the operator's rules where ``/etc/nftables.conf`` includes its file."""

    platform = Nftables()
    settings = {  # noqa: RUF012 - never changed
        "table_path": "/etc/nftables.d/50-sipmobility.nft",
        "held_path": f"{STATE}/held.nft",
        "held_table": "sipmobility_held",
        "captured_path": f"{RUN}/captured.nft",
    }
    static_files = (("table_path", "table.nft.j2", "644"), ("idle_command", "idle.sh.j2", "755"))
    system_directories = ("/etc/nftables.d", "/etc/sysctl.d")
    tools = ("nft", "perl", "unshare")
    static_name = "table sipmobility"

    def gathering(self, options: Options, renderer: Renderer) -> dict[str, Any]:
        # Loaded in a scratch namespace, to be compared as this nft lists it.
        return {"table_text": renderer.render("nftables/table.nft.j2", self.context(options)).rstrip("\n")}

    def tables(self, output: Output) -> dict[str, Table]:
        said = output.sections
        for section in ("ruleset", "layout"):
            if section in output.status:
                raise self.platform.diagnose("table.nft.j2" if section == "layout" else "nft list", said[section])
        if said["owner"].strip():
            raise HandoverError(
                "table_held",
                f"table {said['owner'].split()[0]} {self.setting('table')}",
                "nobody else holds the table of our name",
                "A running program owns it (nft: flags owner). Stop that program, or give its table another name.",
            )
        return compare(objects(said["ruleset"]), objects(said["layout"]), self.setting("table"))

    def firewall(self, output: Output, options: Options) -> Firewall:
        listed = [item for item in objects(output.sections["ruleset"]) if item[1].get("table") != self.setting("table")]
        return firewall_of(listed, options.interfaces, options.mark, self.setting("rule_comment"))

    def advice(self, output: Output, options: Options, renderer: Renderer) -> list[str]:
        found, path = [], self.setting("table_path")
        included = re.findall(r'^\s*include\s+"([^"]+)"', output.sections["include"], re.MULTILINE)
        if not any(fnmatch(path, pattern if pattern.startswith("/") else f"/etc/{pattern}") for pattern in included):
            line = renderer.render("nftables/prerequisites_include.j2", {}).strip()
            found.append(
                f"/etc/nftables.conf does not include {path}: add the line {line} at its end. "
                "Until then the table is loaded a moment later, by the restoring service."
            )
        if "filter" in output.sections["legacy"].split() and options.firewall != "ignore":
            chains = [Chain(family, "filter", "FORWARD") for family in FAMILIES]
            lines = [self.accept_line(chain, options, renderer) for chain in chains]
            found.append(
                "The old iptables filters here, too, and nft does not list its rules: see that they accept our mark "
                f"(iptables-legacy): {'; '.join(lines)}."
            )
        return found
