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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.platforms.base import Platform
from ...plugins.module_utils.platforms.registry import platform_named
from ...plugins.plugin_utils.inventory_router import described_router
from ...plugins.plugin_utils.ios.copied_lines import COPY_VARIABLES
from ...plugins.plugin_utils.router_settings import SETTINGS
from ...plugins.plugin_utils.snmp_login import VARIABLES as SNMP_VARIABLES
from ..data_file import load
from .login import Login, bad_variable, login_of

__all__ = ["VARIABLES", "RouterEntry", "read_inventory", "routers_of"]

#: What ansible-inventory may take, which asks clouds and vaults.
_PATIENCE = 120
_NAMES = (
    "ansible_connection ansible_host ansible_port ansible_user ansible_ssh_private_key_file ansible_private_key_file "
    "ansible_password ansible_ssh_pass ansible_become ansible_become_user ansible_become_method "
    "ansible_become_password ansible_become_pass ansible_netconf_ssh_config "
    "ansible_ssh_common_args ansible_ssh_extra_args ansible_network_os handover_networks handover_platform "
    "handover_inside_interface handover_outside_interface handover_behind handover_behind_addresses "
    "handover_foreign_sources"
).split()
#: What else a way to a router may need to know.
_OF_WAYS = frozenset((*SETTINGS, *SNMP_VARIABLES, *COPY_VARIABLES))
#: All that is read of a router.
VARIABLES = frozenset((*_NAMES, *_OF_WAYS))


@dataclass(frozen=True)
class RouterEntry:
    """A router as the inventory has it.

    :ivar described: as :func:`described_topology` takes it.
    :ivar given: its other variables.
    """

    name: str
    login: Login
    described: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def platform(self) -> Platform:
        """Its platform."""
        return platform_named(self.described["platform"])


def read_inventory(*paths: str) -> Mapping[str, Any]:
    """Inventories as ``ansible-inventory --list`` prints them; what a later one says of a host counts.

    :raises HandoverError: ``bad_inventory``, with Ansible's own words.
    """
    for path in paths:
        if not Path(path).exists():
            raise HandoverError("bad_inventory", path, "an inventory exists")
    beside = Path(sys.executable).with_name("ansible-inventory")
    program = str(beside) if beside.exists() else shutil.which("ansible-inventory")
    if program is None:
        return _by_hand(*paths)
    argv = [program, "--list", *(word for path in paths for word in ("-i", path))]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_PATIENCE)
        if done.returncode == 0:
            found: Mapping[str, Any] = json.loads(done.stdout)
            return found
        said = done.stderr.strip().splitlines()[-1:] or ["no word"]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    raise HandoverError("bad_inventory", f"{', '.join(paths)}: {said[0]}", "ansible-inventory can read the inventory")


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
    known = {key: _templated(name, key, raw[key], raw) for key in VARIABLES if key in raw}
    described = described_router(known)
    transport = platform_named(described["platform"]).transport
    if transport == "files":
        raise bad_variable(
            name, "handover_platform", described["platform"], "the service programs routers that are reached"
        )
    return RouterEntry(
        name, login_of(name, known, transport), described, {key: known[key] for key in _OF_WAYS if key in known}
    )


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
            if key in VARIABLES:
                raise bad_variable(
                    name, key, str(error), "what a source of the inventory brings is no template"
                ) from error
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
        raise bad_variable(name, key, "a vault", "ansible-inventory can open the vault (ANSIBLE_VAULT_PASSWORD_FILE)")
    if not isinstance(value, str) or "{{" not in value:
        return value
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    environment.filters["quote"] = shlex.quote
    try:
        if depth > 8:
            raise TemplateError("it names itself")
        rendered = environment.from_string(value).render(variables)
    except (TemplateError, TypeError, ValueError) as error:
        raise bad_variable(
            name, key, f"{value} ({error})", "a variable of a router needs nothing but other variables"
        ) from error
    return _templated(name, key, rendered, variables, depth + 1)


def _by_hand(path: str, *more: str) -> Mapping[str, Any]:
    """A YAML inventory in the form of ``ansible-inventory --list``."""
    place = Path(path)
    beside = [place.parent / name for name in ("group_vars", "host_vars")]
    if more or place.is_dir() or any(one.exists() for one in beside):
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
