"""A router that is configured over NETCONF: the test router of tests/standins/netconf_router, as a node of the lab.

Debian's netconfd behind sshd; our plug-in takes what is committed to the node's kernel before the commit returns. Its
Python belongs to that plug-in: nothing of the collection runs on it, and its operator has no shell to configure it by.
The plain kind serves the standard modules alone, without our augmentation.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.image import BASE, Image
from lab.platforms.kind import Kind
from lab.topology import ROOT, USER
from tests.standins.netconf_router.modules import MODULES, STANDARD, make_module_directory

_RECIPE = ROOT / "lab" / "recipe" / "netconf"
_SOURCE = ROOT / "tests" / "standins" / "netconf_router"
_SOCKET = "/run/netconf-router/ncx.sock"
_STARTUP = "/etc/netconf-router/startup-cfg.xml"
_PORT = 830


def _stage(directory: Path) -> None:
    """What the image is built from: YANG of the package pyang and ours, the plug-in's source, the applier."""
    (directory / "yang").mkdir()
    make_module_directory(directory / "yang")
    for name in ("applier.py", "apply_to_kernel.c"):
        shutil.copy(_SOURCE / name, directory)


def _configuration(modules: Sequence[str]) -> str:
    options = {
        "port": _PORT,
        "target": "candidate",
        "superuser": USER,
        "access-control": "off",
        "ncxserver-sockname": _SOCKET,
        "startup": _STARTUP,
        "modpath": "/usr/local/lib/netconf-router/yang:/usr/share/yuma/modules",
        "runpath": "/usr/local/lib/netconf-router",
    }
    lines = [f"  {name} {value}" for name, value in options.items()] + [f"  module {name}" for name in modules]
    return "\n".join(["netconfd {", *lines, "}", ""])


def _variables(state: Path) -> Mapping[str, Any]:
    return {
        "handover_platform": "ietf_netconf",
        "ansible_connection": "ansible.netcommon.netconf",
        "ansible_network_os": "ansible.netcommon.default",
        "ansible_port": _PORT,
        "ansible_private_key_file": str(state / "id_ed25519"),
        "ansible_netconf_ssh_config": str(state / "ssh_config"),
        "ansible_become": False,
    }


def _plain_variables(state: Path) -> Mapping[str, Any]:
    return {**_variables(state), "handover_platform": "ietf_netconf_plain"}


_SERVED = "etc/netconf-router/netconfd.conf"

NETCONF = Kind(
    image=Image(
        "netconf-router",
        (*BASE, "gcc", "libc6-dev", "libxml2-dev", "libyuma-dev", "netconfd", "python3"),
        python=True,
        setup=_RECIPE / "setup.sh",
        stage=_stage,
    ),
    about="netconfd is Debian's; what takes its datastore to the kernel is a plug-in of ours",
    files=(
        ("etc/systemd/system/netconfd.service", (_RECIPE / "netconfd.service").read_text(), 0o644),
        (_SERVED, _configuration(MODULES), 0o644),
        ("etc/netconf-router/startup-cfg.xml", (_RECIPE / "startup-cfg.xml").read_text(), 0o644),
        (
            "etc/ssh/sshd_config.d/netconf.conf",
            f"Port 22\nPort {_PORT}\n"
            f'Subsystem netconf "/usr/sbin/netconf-subsystem --ncxserver-sockname={_PORT}@{_SOCKET}"\n',
            0o644,
        ),
    ),
    units=("netconfd.service",),
    ready=("/usr/bin/test", "-s", "/run/netconf-router/applied.xml"),
    services=("tcp dport 22", f"tcp dport {_PORT}"),
    # Its translation is stateless: what it has translated is not tracked, and passes.
    forwarding="ct state untracked accept",
    variables=_variables,
    # netconfd mirrors its running configuration there; the file that the plug-in writes has operational state, too.
    show=("/bin/cat", _STARTUP),
)
PLAIN_NETCONF = replace(
    NETCONF,
    files=[(path, _configuration(STANDARD) if path == _SERVED else text, mode) for path, text, mode in NETCONF.files],
    variables=_plain_variables,
)
