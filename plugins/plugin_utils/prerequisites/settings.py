# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our files on a Linux router are called, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...module_utils.platforms.nftables import Nftables
from ..rendering import Renderer
from . import sysctls
from .forward_filter import Chain
from .state import File

__all__ = ["DIRECTORIES", "PATHS", "SETTINGS", "SYSTEM_DIRECTORIES", "Options", "context", "files", "table_text"]

_OWN = "/usr/local/lib/sipmobility"
_STATE = "/var/lib/sipmobility"
_RUN = "/run/sipmobility"

#: Names that the templates share, besides those of the platform.
SETTINGS: Mapping[str, Any] = {
    **Nftables.settings,
    "restore_path": f"{_OWN}/restore",
    "table_path": "/etc/nftables.d/50-sipmobility.nft",
    "sysctl_path": "/etc/sysctl.d/90-sipmobility.conf",
    "unit": "sipmobility-restore.service",
    "unit_path": "/etc/systemd/system/sipmobility-restore.service",
    "state_dir": _STATE,
    "elements_path": f"{_STATE}/elements.nft",
    "sysctl_before_path": f"{_STATE}/sysctl.before",
    "run_dir": _RUN,
    "captured_path": f"{_RUN}/captured.nft",
    "rule_comment": "sipmobility.handover",
}
#: The files that are ours, by their names in ``SETTINGS``.
PATHS = ("sysctl_before_path", "sysctl_path", "table_path", "save_command", "restore_path", "unit_path")
#: Directories that only we use, and those of the system that we write into.
DIRECTORIES = (_OWN, _STATE, _RUN)
SYSTEM_DIRECTORIES = ("/etc/nftables.d", "/etc/sysctl.d")


@dataclass(frozen=True)
class Options:
    """As the module's options of the same names."""

    inside_interface: str = ""
    outside_interface: str = ""
    sysctl: str = "set"
    rp_filter: str = "keep"
    firewall: str = "check"
    persistence: str = "systemd"
    table_size: int = 262144
    rule_priority: int = 7082
    replace_table: bool = False
    drop_handovers: bool = False

    @property
    def wanted(self) -> dict[str, str]:
        """The sysctls that this router needs."""
        return sysctls.wanted(self.inside_interface, loose=self.rp_filter == "loose") if self.inside_interface else {}


def files(
    options: Options, renderer: Renderer, set_sysctls: Mapping[str, str], opened: Iterable[Chain] = ()
) -> dict[str, File]:
    """Our files on a router, by path."""
    variables = {**context(options), "firewall": sorted(opened), "sysctls": list(set_sysctls.items())}

    def rendered(name: str, mode: str = "644") -> File:
        return File(renderer.render(f"nftables/{name}.j2", variables).rstrip("\n"), mode)

    found = {
        SETTINGS["table_path"]: File(table_text(options, renderer)),
        SETTINGS["save_command"]: rendered("save.sh", "755"),
        SETTINGS["restore_path"]: rendered("restore.sh", "755"),
    }
    if set_sysctls:
        found[SETTINGS["sysctl_path"]] = rendered("sysctl.conf")
    if options.persistence == "systemd":
        found[SETTINGS["unit_path"]] = rendered("restore.service")
    return found


def context(options: Options) -> dict[str, Any]:
    """The variables that all templates may use."""
    return {
        **SETTINGS,
        "size": options.table_size,
        "rule_priority": options.rule_priority,
        "persistence": options.persistence,
    }


def table_text(options: Options, renderer: Renderer) -> str:
    """The static table."""
    return renderer.render("nftables/table.nft.j2", context(options)).rstrip("\n")
