# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our files on a Linux router are called, whatever filters its packets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...module_utils.platforms.routes import SETTINGS as ROUTES
from . import sysctls

__all__ = ["COMMON_FILES", "DIRECTORIES", "OWN", "RUN", "SETTINGS", "STATE", "Options"]

OWN = "/usr/local/lib/sipmobility"
STATE = "/var/lib/sipmobility"
RUN = "/run/sipmobility"

#: Names that all templates share.
SETTINGS: Mapping[str, Any] = {
    **ROUTES,
    "restore_path": f"{OWN}/restore",
    "sysctl_path": "/etc/sysctl.d/90-sipmobility.conf",
    "unit": "sipmobility-restore.service",
    "unit_path": "/etc/systemd/system/sipmobility-restore.service",
    "state_dir": STATE,
    "sysctl_before_path": f"{STATE}/sysctl.before",
    "run_dir": RUN,
    "rule_comment": "sipmobility.handover",
}
#: The files that every Linux router has, by their names in ``SETTINGS``.
COMMON_FILES = ("sysctl_before_path", "sysctl_path", "save_command", "restore_path", "unit_path")
#: Directories that only we use.
DIRECTORIES = (OWN, STATE, RUN)


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
        if not self.inside_interface:
            return {}
        return sysctls.wanted(self.inside_interface, self.outside_interface, loose=self.rp_filter == "loose")

    @property
    def mark(self) -> tuple[int, int]:
        """Value and mask of the mark that our packets carry."""
        return int(SETTINGS["mark"], 16), int(SETTINGS["mark_mask"], 16)

    @property
    def interfaces(self) -> frozenset[str]:
        """Those that our packets come in and go out by; empty when they are not known."""
        return frozenset({self.inside_interface, self.outside_interface} if self.outside_interface else ())
