# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between Linux routers: the static rules that steps program into, and how the firewall is listed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from ...module_utils.platforms.base import Output, Platform
from ..rendering import Renderer
from .forward_filter import Chain, Firewall
from .settings import COMMON_FILES, SETTINGS, Options
from .state import File
from .table_layout import Table

__all__ = ["Backend"]


class Backend(ABC):
    """One way of filtering packets on Linux. Subclasses name the files and read the listings.

    :cvar platform: the platform that programs the handovers.
    :cvar settings: names for the templates, besides the common ones.
    :cvar static_files: the files of ours beside the common ones: name in ``settings``, template, mode.
    :cvar unit_files: the same, written only where systemd restores.
    :cvar system_directories: directories of the system that we write into.
    :cvar tools: the programs that the router needs, besides those of every Linux router.
    :cvar static_name: what our static rules are, for errors.
    :cvar speaks_iptables: whether a rule that is put into a chain of iptables stays there.
    """

    platform: Platform
    settings: Mapping[str, Any]
    static_files: tuple[tuple[str, str, str], ...] = ()
    unit_files: tuple[tuple[str, str, str], ...] = ()
    system_directories: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    static_name: str
    speaks_iptables = False

    @property
    def name(self) -> str:
        """Name of the platform and of its directory of templates."""
        return self.platform.name

    @property
    def paths(self) -> list[str]:
        """Every file that may be ours."""
        return [self.setting(name) for name in COMMON_FILES] + [
            self.setting(name) for name, _template, _mode in (*self.static_files, *self.unit_files)
        ]

    def setting(self, name: str) -> str:
        """A setting by its name, as text."""
        return str({**SETTINGS, **self.platform.settings, **self.settings}[name])

    def context(self, options: Options) -> dict[str, Any]:
        """The variables that all templates may use."""
        return {
            **SETTINGS,
            **self.platform.settings,
            **self.settings,
            "platform": self.name,
            "tools": self.tools,
            "size": options.table_size,
            "outside_interface": options.outside_interface,
            "rule_priority": options.rule_priority,
            "persistence": options.persistence,
        }

    def files(
        self, options: Options, renderer: Renderer, set_sysctls: Mapping[str, str], opened: Iterable[Chain] = ()
    ) -> dict[str, File]:
        """Our files on a router, by path."""
        variables = {**self.context(options), "firewall": sorted(opened), "sysctls": list(set_sysctls.items())}

        def rendered(template: str, mode: str = "644") -> File:
            return File(renderer.render(template, variables).rstrip("\n"), mode)

        found = {
            self.setting(name): rendered(f"{self.name}/{template}", mode) for name, template, mode in self.static_files
        }
        found[self.setting("save_command")] = rendered("linux/save.sh.j2", "755")
        found[self.setting("restore_path")] = rendered(f"{self.name}/restore.sh.j2", "755")
        if set_sysctls:
            found[self.setting("sysctl_path")] = rendered("linux/sysctl.conf.j2")
        if options.persistence == "systemd":
            found[self.setting("unit_path")] = rendered(f"{self.name}/restore.service.j2")
            for name, template, mode in self.unit_files:
                found[self.setting(name)] = rendered(f"{self.name}/{template}", mode)
        return found

    def accept_line(self, chain: Chain, options: Options, renderer: Renderer) -> str:
        """The command that lets a chain of the operator's firewall admit our packets."""
        return renderer.render("linux/accept.j2", {**self.context(options), "chain": chain}).strip()

    def gathering(self, options: Options, renderer: Renderer) -> dict[str, Any]:
        """Variables of the gathering script beyond the common ones."""
        return {}

    @abstractmethod
    def tables(self, output: Output) -> dict[str, Table]:
        """How our static rules stand, by family.

        :raises HandoverError: what makes a reading impossible.
        """

    @abstractmethod
    def firewall(self, output: Output, options: Options) -> Firewall:
        """The router's own firewall."""

    def advice(self, output: Output, options: Options, renderer: Renderer) -> list[str]:
        """What the operator should know of how our rules are loaded, and of what could not be looked at."""
        return []
