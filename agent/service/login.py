# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one logs in to a router, as its variables say it for playbooks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.plugin_utils.netconf_device import NETCONF_PORT
from ...plugins.plugin_utils.netconf_routers import NETCONF_TRANSPORTS

__all__ = ["Login", "bad_variable", "login_of"]

#: Options of ssh that say nothing to us: connections are held here anyway.
_IGNORED = frozenset({"controlmaster", "controlpersist", "controlpath", "identitiesonly", "globalknownhostsfile"})
#: The connections of playbooks that lead to a router, by the transport of its platform; the first where none is named.
#: SNMP has a login of its own, and playbooks use no connection for it.
_SSH, _LOCAL = ("ssh", "paramiko_ssh", "smart"), ("local",)
#: The connections of playbooks that lead to a router, by the transport of its platform; the first where none is named.
#: SNMP has a login of its own, and playbooks use no connection for it.
_CONNECTIONS = {
    "shell": (*_SSH, *_LOCAL),
    "network_cli": ("network_cli", *_SSH),
    **dict.fromkeys(NETCONF_TRANSPORTS, ("netconf",)),
}


@dataclass(frozen=True)
class Login:
    """How one logs in to a router.

    :ivar host: None for this machine itself.
    :ivar become: whom to become; None for nobody.
    :ivar become_password: what a command line asks of who becomes privileged.
    :ivar netconf_ssh_config: a configuration of OpenSSH that sessions of NETCONF go by.
    """

    host: str | None
    port: int = 22
    user: str | None = None
    key_file: str | None = None
    password: str | None = field(default=None, repr=False)
    known_hosts: str | None = None
    become: str | None = None
    become_password: str | None = field(default=None, repr=False)
    netconf_ssh_config: str | None = None

    @property
    def shell(self) -> str:
        """The command of a root shell there that reads what to do. It asks for no password and has no terminal."""
        return "exec /bin/sh -s" if self.become is None else f"exec sudo -n -H -u {shlex.quote(self.become)} /bin/sh -s"


def login_of(name: str, known: Mapping[str, Any], transport: str) -> Login:
    """The login in a router's variables.

    :param transport: of its platform.
    :raises HandoverError: ``bad_inventory`` for what cannot be, and for what would be ignored.
    """
    possible = _CONNECTIONS.get(transport)
    if possible is None:
        return Login(str(known.get("ansible_host") or name))
    connection = str(known.get("ansible_connection") or possible[0]).rpartition(".")[2]
    # Known before it is planned for: a device without a shell would be sent a script.
    if connection not in possible:
        raise bad_variable(
            name, "ansible_connection", connection, f"the service reaches this platform by {', '.join(possible)}"
        )
    become = _become(name, known, transport)
    if connection == "local":
        return Login(None, become=become)
    options = _ssh_options(name, known)
    key = known.get("ansible_ssh_private_key_file") or known.get("ansible_private_key_file")
    return Login(
        str(known.get("ansible_host") or name),
        int(known.get("ansible_port") or (NETCONF_PORT if transport in NETCONF_TRANSPORTS else 22)),
        _text(known, "ansible_user"),
        str(key) if key else options.get("identityfile"),
        _text(known, "ansible_ssh_pass", "ansible_password"),
        options.get("userknownhostsfile"),
        become,
        _text(known, "ansible_become_pass", "ansible_become_password"),
        _text(known, "ansible_netconf_ssh_config"),
    )


def _become(name: str, known: Mapping[str, Any], transport: str) -> str | None:
    """Whom to become; None for nobody."""
    if not _true(known.get("ansible_become")) or transport not in ("shell", "network_cli"):
        return None
    possible = "sudo" if transport == "shell" else "enable"
    method = str(known.get("ansible_become_method") or possible).rpartition(".")[2]
    if method != possible:
        rules = {
            "sudo": "one becomes root by sudo, without a password",
            "enable": "one becomes privileged by enable",
        }
        raise bad_variable(name, "ansible_become_method", method, rules[possible])
    return str(known.get("ansible_become_user") or "root")


def _text(known: Mapping[str, Any], *names: str) -> str | None:
    """The first of these variables that is there."""
    return next((str(known[one]) for one in names if known.get(one) is not None), None)


def _ssh_options(name: str, known: Mapping[str, Any]) -> dict[str, str]:
    """What -o says; an option that would be ignored is refused."""
    found: dict[str, str] = {}
    for variable in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        words = shlex.split(str(known.get(variable) or ""))
        while words:
            word = words.pop(0)
            option = word[2:] or (words.pop(0) if words else "") if word.startswith("-o") else ""
            key, _equals, value = option.partition("=")
            key = key.strip().lower()
            if key == "stricthostkeychecking" and value.strip().lower() != "no":
                continue
            if key not in ("userknownhostsfile", "identityfile") and key not in _IGNORED:
                rule = "of ssh's options, -o UserKnownHostsFile, IdentityFile and StrictHostKeyChecking (not no) count"
                raise bad_variable(name, variable, option or word, rule)
            found[key] = value.strip()
    return found


def _true(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "1", "on", "y", "t")


def bad_variable(host: str, variable: str, value: object, rule: str) -> HandoverError:
    """The error for a variable of a router."""
    return HandoverError("bad_inventory", f"{host}: {variable}: {value}", rule)
