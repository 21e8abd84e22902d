# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found on a Linux router: one script's output, read once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ...module_utils.errors import HandoverError
from ...module_utils.platforms.base import Output
from ..rendering import Renderer
from . import sysctls
from .backend import Backend
from .forward_filter import Firewall
from .settings import DIRECTORIES, SETTINGS, Options
from .state import File, Prepared, Unit

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
    :ivar filter_advice: what the operator should know of the packet filter itself.
    """

    held: Prepared
    firewall: Firewall
    elements: int
    interfaces: frozenset[str]
    filter_advice: tuple[str, ...]

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


def gather_script(backend: Backend, options: Options, renderer: Renderer, sysctls: Iterable[str] = ()) -> str:
    """The script that finds out everything and changes nothing.

    :param sysctls: settings to tell besides those that are needed or remembered.
    """
    link = f"net.ipv4.conf.{options.inside_interface.replace('.', '/')}.rp_filter"
    variables = {
        **backend.context(options),
        **backend.gathering(options, renderer),
        "sysctl_names": [
            *options.wanted,
            *sysctls,
            "net.ipv4.conf.all.rp_filter",
            *([link] if options.inside_interface else []),
        ],
        "paths": backend.paths,
        "directories": [*DIRECTORIES, *backend.system_directories],
    }
    return renderer.render("linux/prerequisites_gather.sh.j2", variables)


def read(backend: Backend, output: Output, options: Options, renderer: Renderer) -> Facts:
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
    tables = backend.tables(output)
    firewall = backend.firewall(output, options)
    modes = dict(line.split(" ", 1)[::-1] for line in said["modes"].splitlines() if line[:1].isdigit())
    held = Prepared(
        files={
            path: File(said[f"file {path}"].rstrip("\n"), modes.get(path, ""))
            for path in backend.paths
            if f"file {path}" not in output.status
        },
        directories=frozenset(said["directories"].split()) & {*DIRECTORIES, *backend.system_directories},
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
        filter_advice=tuple(backend.advice(output, options, renderer)),
    )


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
