# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of router_prerequisites: all that a router needs before handovers are programmed on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf_plain import IetfNetconfPlain
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.router import Ios
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iosxe.router import IosxeNetconf
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.junos.router import Junos
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.junos.standing import Interfaces
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import PLATFORMS
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import Snmp
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.written_only.platform import (
    WrittenOnly,
    never_reached,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import HandoverAction
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.nat_marks import (
    DatastoreMarks,
    LineMarks,
    NatMarks,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.native_device import NativeDevice
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.preparation import IosPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.junos.preparation import JunosPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.junos.router_device import JunosDevice
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netcommon_session import NetcommonSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import NetconfDevice
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_preparation import NetconfPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.backends import BACKENDS
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.reach import (
    command_line,
    interfaces_of,
    snmp_reached,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_preparation import SnmpPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.transport import RouterShell
from ansible_collections.sipmobility.handover.plugins.plugin_utils.written_only_device import WrittenOnlyDevice

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent", "gathered", "rendered"], "default": "present"},
    "platform": {"type": "str"},
    "inside_interface": {"type": "str"},
    "outside_interface": {"type": "str"},
    "sysctl": {"type": "str", "choices": ["set", "check"], "default": "set"},
    "rp_filter": {"type": "str", "choices": ["keep", "loose"], "default": "keep"},
    "firewall": {"type": "str", "choices": ["check", "insert", "ignore"], "default": "check"},
    "persistence": {"type": "str", "choices": ["systemd", "none"], "default": "systemd"},
    "table_size": {"type": "int", "default": 262144},
    "rule_priority": {"type": "int", "default": 7082},
    "replace_table": {"type": "bool", "default": False},
    "nat_interfaces": {"type": "str", "choices": ["check", "set"], "default": "check"},
    "drop_handovers": {"type": "bool", "default": False},
    "template_dir": {"type": "path"},
}


class ActionModule(HandoverAction):
    """Prepares a router, tells how far it is prepared, or takes everything away again."""

    ARGUMENTS = ARGUMENTS
    RULES = {  # noqa: RUF012 - read by Ansible
        "required_if": [
            ["state", "present", ["inside_interface"]],
            ["state", "rendered", ["inside_interface"]],
        ]
    }

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        name = str(task_vars.get("inventory_hostname", "router"))
        platform = options["platform"] or self.templated(task_vars, name)["platform"]
        if platform in _OTHERS:
            return _OTHERS[platform](self, name, options, task_vars)
        known = PLATFORMS.get(platform)
        if isinstance(known, WrittenOnly):
            return _written(known, options)
        if platform not in BACKENDS:
            raise HandoverError(
                "unsupported_platform",
                f"{name}: {platform}",
                f"this module prepares routers of the platforms {', '.join(sorted((*BACKENDS, *_OTHERS)))}",
                "Set handover_platform, or prepare the router by its own means.",
            )
        given = {field.name: options[field.name] for field in fields(Options) if options[field.name] is not None}
        preparation = Preparation(name, BACKENDS[platform], Options(**given), Renderer(options["template_dir"]))
        if options["state"] == "rendered":
            return {"changed": False, "rendered": preparation.rendered()}
        shell = RouterShell(self)
        if options["state"] == "gathered":
            return {"changed": False, **preparation.gathered(shell)}
        return preparation.converge(shell, present=options["state"] == "present", checking=self.checking)


def _by_snmp(
    action: HandoverAction, name: str, options: Mapping[str, Any], task_vars: Mapping[str, Any]
) -> dict[str, Any]:
    """A router whose SNMP agent has all, or not: it is checked."""
    if options["state"] == "rendered":
        return {"changed": False, "rendered": {}}
    platform = Snmp()
    device = snmp_reached(action, name, platform, Renderer(options["template_dir"]), task_vars)
    try:
        preparation = SnmpPreparation(name, platform, device, options["inside_interface"] or "")
        if options["state"] == "gathered":
            return {"changed": False, **preparation.gathered()}
        present, drop = options["state"] == "present", options["drop_handovers"]
        return preparation.converge(present=present, checking=action.checking, drop=drop)
    finally:
        device.close()


def _ios(action: HandoverAction, name: str, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """A router of IOS, or IOS-XE by NETCONF: its interfaces are marked, or checked."""
    wanted = {side: options[f"{side}_interface"] or "" for side in ("inside", "outside")}
    renderer = Renderer(options["template_dir"])

    def datastore() -> NativeDevice:
        return NativeDevice(name, IosxeNetconf(), renderer, NetcommonSession(action))

    place: NatMarks
    if (options["platform"] or action.templated(task_vars, name)["platform"]) == IosxeNetconf.name:
        place = DatastoreMarks(renderer, datastore)
    else:
        place = LineMarks(renderer, command_line(action, name, renderer, task_vars))
    preparation = IosPreparation(name, wanted, renderer, place)
    if options["state"] == "rendered":
        return {"changed": False, "rendered": preparation.rendered()}
    if options["state"] == "gathered":
        return {"changed": False, **preparation.gathered()}
    return preparation.converge(
        present=options["state"] == "present",
        checking=action.checking,
        setting=options["nat_interfaces"] == "set",
        dropping=options["drop_handovers"],
    )


def _by_netconf(
    platform: IetfNetconf,
    action: HandoverAction,
    name: str,
    options: Mapping[str, Any],
    task_vars: Mapping[str, Any],
) -> dict[str, Any]:
    """A router whose NETCONF server has all, or not: it is checked, and gets the places for our entries."""
    if options["state"] == "rendered":
        return {"changed": False, "rendered": {}}
    device = NetconfDevice(name, platform, Renderer(options["template_dir"]), NetcommonSession(action))
    preparation = NetconfPreparation(name, platform, device, options["inside_interface"] or "")
    if options["state"] == "gathered":
        return {"changed": False, **preparation.gathered()}
    present, drop = options["state"] == "present", options["drop_handovers"]
    return preparation.converge(present=present, checking=action.checking, drop=drop)


def _by_junos(
    action: HandoverAction, name: str, options: Mapping[str, Any], task_vars: Mapping[str, Any]
) -> dict[str, Any]:
    """An SRX: it is checked, or made ready."""
    if options["state"] == "rendered":
        return {"changed": False, "rendered": {}}
    platform, renderer = Junos(), Renderer(options["template_dir"])
    known = interfaces_of(action, task_vars)
    between = Interfaces(options["inside_interface"] or known.inside, options["outside_interface"] or known.outside)
    device = JunosDevice(name, platform, renderer, NetcommonSession(action), between)
    preparation = JunosPreparation(name, platform, device, renderer, between)
    if options["state"] == "gathered":
        return {"changed": False, **preparation.gathered()}
    return preparation.converge(
        present=options["state"] == "present",
        checking=action.checking,
        firewall=options["firewall"],
        drop=options["drop_handovers"],
    )


def _written(platform: WrittenOnly, options: Mapping[str, Any]) -> dict[str, Any]:
    """A router that is never reached: only its text is made."""
    if options["state"] != "rendered":
        raise never_reached(platform.name)
    ends = (options["inside_interface"] or "", options["outside_interface"] or "")
    device = WrittenOnlyDevice(platform, Renderer(options["template_dir"]), *ends)
    suffix = platform.step_template.split(".")[-2]
    return {"changed": False, "rendered": {f"prerequisites.{suffix}": device.prerequisites()}}


#: How routers are prepared that no shell reaches.
_OTHERS: dict[str, Callable[[HandoverAction, str, Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    IetfNetconf.name: partial(_by_netconf, IetfNetconf()),
    IetfNetconfPlain.name: partial(_by_netconf, IetfNetconfPlain()),
    Ios.name: _ios,
    IosxeNetconf.name: _ios,
    Junos.name: _by_junos,
    Snmp.name: _by_snmp,
}
