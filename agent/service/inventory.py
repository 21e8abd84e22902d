# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routers of an Ansible inventory: where each is, how one logs in, and what the topology must know of it.

``ansible-inventory`` reads the inventory, with its plugins and vaults. Where there is no Ansible, a plain YAML
inventory is read here: groups with hosts, children and vars in one file.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.platforms.registry import platform_named
from ...plugins.plugin_utils.inventory_router import described_router
from ..data_file import load

__all__ = ["Login", "RouterEntry", "read_inventory", "routers_of"]

#: What ansible-inventory may take, which asks clouds and vaults.
_PATIENCE = 120
#: Options of ssh that say nothing to us: connections are held here anyway.
_IGNORED = frozenset({"controlmaster", "controlpersist", "controlpath", "identitiesonly", "globalknownhostsfile"})
_NAMES = (
    "ansible_connection ansible_host ansible_port ansible_user ansible_ssh_private_key_file ansible_private_key_file "
    "ansible_password ansible_ssh_pass ansible_become ansible_become_user ansible_become_method "
    "ansible_ssh_common_args ansible_ssh_extra_args ansible_network_os handover_networks handover_platform "
    "handover_inside_interface handover_outside_interface handover_behind handover_behind_addresses"
).split()


@dataclass(frozen=True)
class Login:
    """How one logs in to a router.

    :ivar host: None for this machine itself.
    :ivar become: whom to become; None for nobody.
    """

    host: str | None
    port: int = 22
    user: str | None = None
    key_file: str | None = None
    password: str | None = None
    known_hosts: str | None = None
    become: str | None = None

    @property
    def shell(self) -> str:
        """The command of a root shell there that reads what to do. It asks for no password and has no terminal."""
        return "exec /bin/sh -s" if self.become is None else f"exec sudo -n -H -u {shlex.quote(self.become)} /bin/sh -s"


@dataclass(frozen=True)
class RouterEntry:
    """A router as the inventory has it.

    :ivar described: as :meth:`Topology.from_mapping` takes it.
    """

    name: str
    login: Login
    described: Mapping[str, Any]


def read_inventory(path: str) -> Mapping[str, Any]:
    """An inventory as ``ansible-inventory --list`` prints it.

    :raises HandoverError: ``bad_inventory``, with Ansible's own words.
    """
    if not Path(path).exists():
        raise HandoverError("bad_inventory", path, "an inventory exists")
    beside = Path(sys.executable).with_name("ansible-inventory")
    program = str(beside) if beside.exists() else shutil.which("ansible-inventory")
    if program is None:
        return _by_hand(path)
    try:
        done = subprocess.run(
            [program, "-i", path, "--list"], capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
        if done.returncode == 0:
            found: Mapping[str, Any] = json.loads(done.stdout)
            return found
        said = done.stderr.strip().splitlines()[-1:] or ["no word"]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    raise HandoverError("bad_inventory", f"{path}: {said[0]}", "ansible-inventory can read the inventory")


def routers_of(inventory: Mapping[str, Any], group: str, path: str) -> list[RouterEntry]:
    """The routers of a group.

    :param path: of the inventory, for variables that name its directory.
    :raises HandoverError: ``bad_inventory`` naming host and variable.
    """
    names = list(dict.fromkeys(_hosts(inventory, group, ())))
    if not names:
        raise HandoverError("bad_inventory", f"{path}: {group}", "the inventory has this group, with routers in it")
    variables = inventory.get("_meta", {}).get("hostvars", {})
    place = Path(path).resolve()
    own = {"inventory_dir": str(place if place.is_dir() else place.parent), "inventory_file": str(place)}
    return [_router(name, {**variables.get(name, {}), **own, "inventory_hostname": name}) for name in names]


def _hosts(inventory: Mapping[str, Any], group: str, above: tuple[str, ...]) -> Iterable[str]:
    described = inventory.get(group) or {}
    yield from described.get("hosts") or ()
    for child in described.get("children") or ():
        if child not in above:
            yield from _hosts(inventory, child, (*above, group))


def _router(name: str, raw: Mapping[str, Any]) -> RouterEntry:
    raw = _bare_variables(name, raw)
    known = {key: _templated(name, key, raw[key], raw) for key in _NAMES if key in raw}
    described = described_router(known)
    # Known before it is planned for: a device without a shell would be sent a script.
    if platform_named(described["platform"]).transport != "shell":
        raise _bad(
            name,
            "handover_platform",
            described["platform"],
            "the service holds shells (nftables, iptables); for other platforms use the playbooks",
        )
    return RouterEntry(name, _login(name, known), described)


def _login(name: str, known: Mapping[str, Any]) -> Login:
    become = str(known.get("ansible_become_user") or "root") if _true(known.get("ansible_become")) else None
    method = str(known.get("ansible_become_method") or "sudo").rpartition(".")[2]
    if become is not None and method != "sudo":
        raise _bad(name, "ansible_become_method", method, "one becomes root by sudo, without a password")
    connection = str(known.get("ansible_connection") or "ssh").rpartition(".")[2]
    if connection == "local":
        return Login(None, become=become)
    if connection not in ("ssh", "paramiko_ssh", "smart"):
        raise _bad(name, "ansible_connection", connection, "the service reaches routers by ssh or local")
    options = _ssh_options(name, known)
    key = known.get("ansible_ssh_private_key_file") or known.get("ansible_private_key_file")
    password = known.get("ansible_ssh_pass") or known.get("ansible_password")
    return Login(
        str(known.get("ansible_host") or name),
        int(known.get("ansible_port") or 22),
        None if known.get("ansible_user") is None else str(known["ansible_user"]),
        str(key) if key else options.get("identityfile"),
        None if password is None else str(password),
        options.get("userknownhostsfile"),
        become,
    )


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
                raise _bad(name, variable, option or word, rule)
            found[key] = value.strip()
    return found


class _FromOutside(ValueError):
    """Text of an inventory's source that looks like a template."""


def _bare_variables(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Variables without Ansible's sign for text that a source, such as NetBox, brought: it is taken as it stands.

    Such text that looks like a template is left out, so that whoever names it gets an error.
    """
    found = {}
    for key, value in raw.items():
        try:
            found[key] = _bare(value)
        except _FromOutside as error:
            if key in _NAMES:
                raise _bad(name, key, str(error), "what a source of the inventory brings is no template") from error
    return found


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if set(value) != {"__ansible_unsafe"}:
        return {key: _bare(item) for key, item in value.items()}
    text = str(value["__ansible_unsafe"])
    if any(sign in text for sign in ("{{", "{%", "{#")):
        raise _FromOutside(text)
    return text


def _templated(name: str, key: str, value: Any, variables: Mapping[str, Any], depth: int = 0) -> Any:
    """A variable with the others in its place. Lookups and Ansible's own filters need Ansible, and are refused."""
    if isinstance(value, list):
        return [_templated(name, key, item, variables, depth) for item in value]
    if isinstance(value, Mapping) and "__ansible_vault" in value:
        raise _bad(name, key, "a vault", "ansible-inventory can open the vault (ANSIBLE_VAULT_PASSWORD_FILE)")
    if not isinstance(value, str) or "{{" not in value:
        return value
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    environment.filters["quote"] = shlex.quote
    try:
        if depth > 8:
            raise TemplateError("it names itself")
        rendered = environment.from_string(value).render(variables)
    except (TemplateError, TypeError, ValueError) as error:
        raise _bad(
            name, key, f"{value} ({error})", "a variable of a router needs nothing but other variables"
        ) from error
    return _templated(name, key, rendered, variables, depth + 1)


def _true(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "1", "on", "y", "t")


def _by_hand(path: str) -> Mapping[str, Any]:
    """A YAML inventory in the form of ``ansible-inventory --list``."""
    place = Path(path)
    beside = [place.parent / name for name in ("group_vars", "host_vars")]
    if place.is_dir() or any(one.exists() for one in beside):
        raise HandoverError(
            "bad_inventory",
            path,
            "without ansible-inventory an inventory is one YAML file",
            "Install ansible-core beside the service, or write what the routers need into the file.",
        )
    data = load(path)
    if not isinstance(data, Mapping):
        raise HandoverError("bad_inventory", path, "an inventory maps groups to hosts, children and vars")
    found: dict[str, Any] = {"_meta": {"hostvars": {}}}
    for group, described in data.items():
        _group(str(group), described, {}, found, path)
    return found


def _group(name: str, described: Any, above: Mapping[str, Any], found: dict[str, Any], path: str) -> None:
    described = {} if described is None else described
    if not isinstance(described, Mapping) or set(described) - {"hosts", "children", "vars"}:
        raise HandoverError("bad_inventory", f"{path}: {name}", "a group has hosts, children and vars")
    variables = {**above, **(described.get("vars") or {})}
    hosts, children = described.get("hosts") or {}, described.get("children") or {}
    if not isinstance(hosts, Mapping) or not isinstance(children, Mapping):
        raise HandoverError("bad_inventory", f"{path}: {name}", "hosts and children are mappings")
    entry = found.setdefault(name, {"hosts": [], "children": []})
    entry["hosts"] += hosts
    entry["children"] += children
    for child, inner in children.items():
        _group(str(child), inner, variables, found, path)
    for host, own in hosts.items():
        held = found["_meta"]["hostvars"].setdefault(host, {})
        held.update({**variables, **held, **(own or {})})


def _bad(host: str, variable: str, value: object, rule: str) -> HandoverError:
    return HandoverError("bad_inventory", f"{host}: {variable}: {value}", rule)
