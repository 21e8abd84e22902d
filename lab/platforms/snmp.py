"""A router that is configured over SNMP: the test router of tests/standins/snmp_router, as a node of the lab.

Debian's snmpd, with its users and routes; behind it our agent that serves NAT-MIB and does its NAT in the node's
kernel. Its Python belongs to that agent: nothing of the collection runs on it.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from lab.image import BASE, Image
from lab.platforms.kind import File, Kind
from lab.topology import ROOT
from tests.standins.snmp_router.front import BEHIND, PORT, SNMPD, SOURCES, WRITER, configuration

_RECIPE = ROOT / "lab" / "recipe" / "snmp"
_SOURCE = ROOT / "tests" / "standins" / "snmp_router"
_WALK = ("/usr/bin/snmpwalk", "-On", "127.0.0.1", BEHIND["agent"])


def _stage(directory: Path) -> None:
    """What the image is built from: the agent, and the library that it speaks SNMP by, as the controller has it."""
    (directory / "snmp_router").mkdir()
    for name in SOURCES:
        shutil.copy(_SOURCE / name, directory / "snmp_router")
    for library in ("pyasn1", "pysnmp"):
        found = find_spec(library)
        if found is None or found.origin is None:
            raise FileNotFoundError(f"{library} is not installed (see requirements-dev.txt)")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(found.origin).parent, directory / library, ignore=ignored)


def _unit(name: str) -> File:
    text = Template((_RECIPE / name).read_text()).substitute(port=PORT, snmpd=" ".join(SNMPD))
    return f"etc/systemd/system/{name}", text, 0o644


def _keys(state: Path) -> tuple[str, str]:
    """The passphrases of this lab's SNMP user, for authentication and privacy; made when they are first asked for."""
    kept = state / "snmp_keys.json"
    if not kept.exists():
        state.mkdir(mode=0o700, exist_ok=True)
        kept.touch(0o600)
        kept.write_text(json.dumps([secrets.token_hex(16) for _ in range(2)]))
    authentication, privacy = json.loads(kept.read_text())
    return authentication, privacy


def _private(state: Path) -> Iterable[File]:
    """What has the keys in it: of the agent, and of net-snmp's own commands on the node."""
    keys = _keys(state)
    yield "etc/snmp-router/snmpd.conf", configuration("udp:161", keys), 0o600
    defaults = {
        "defVersion": 3,
        "defSecurityName": WRITER,
        "defSecurityLevel": "authPriv",
        "defAuthType": "SHA-256",
        "defAuthPassphrase": keys[0],
        "defPrivType": "AES",
        "defPrivPassphrase": keys[1],
        "mibs": ":",
    }
    yield "etc/snmp/snmp.conf", "".join(f"{name} {value}\n" for name, value in defaults.items()), 0o600


def _variables(state: Path) -> Mapping[str, Any]:
    authentication, privacy = _keys(state)
    return {
        "handover_platform": "snmp",
        "ansible_connection": "ansible.builtin.local",  # nothing is run through it
        "ansible_become": False,
        "handover_snmp_user": WRITER,
        "handover_snmp_auth_key": authentication,
        "handover_snmp_privacy_key": privacy,
    }


SNMP = Kind(
    image=Image(
        "snmp-router",
        (*BASE, "python3", "snmp", "snmpd"),
        python=True,
        setup=_RECIPE / "setup.sh",
        stage=_stage,
    ),
    about="snmpd is Debian's; its NAT-MIB is a stand-in of ours, because no agent is to be had that lets it be written",
    files=(_unit("nat-mib.service"), _unit("snmpd.service")),
    private=_private,
    units=("nat-mib.service", "snmpd.service"),
    ready=_WALK,
    services=("tcp dport 22", "udp dport 161"),
    # The NAT is stateless: what it has translated is not tracked, and passes.
    forwarding="ct state untracked accept",
    variables=_variables,
    # Read by a client that we did not write. Routes are the kernel's.
    show=_WALK,
)
