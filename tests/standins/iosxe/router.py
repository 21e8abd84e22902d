# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: a NETCONF server with the schema of an IOS-XE router, in a private namespace.

Real: Debian's netconfd with its datastores, locks and errors, and Cisco's own YANG modules in it (for 17.12 see
``schema.py``). Not real: everything behind the datastore. No Cisco software is here, which may refuse what its schema
has a place for, put it in another order, or show it otherwise.
"""

from __future__ import annotations

from pathlib import Path

from ...kernel.namespaces import Namespace
from ..netconf_router.modules import make_module_directory
from ..netconf_router.server import NetconfServer, compile_plugin, make_keys
from .schema import MODULES, make_schema

__all__ = ["IosxeRouter", "IosxeServer", "build", "build_with_kernel"]

#: What somebody else has configured, and must find again.
_THEIRS = """
<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native">
  <ip>
    <nat xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-nat"><inside><source><static><nat-static-transport-list>
      <local-ip>10.1.1.10</local-ip><global-ip>203.0.113.10</global-ip>
    </nat-static-transport-list></static></source></inside></nat>
    <route><ip-route-interface-forwarding-list><prefix>10.9.0.0</prefix><mask>255.255.0.0</mask>
      <fwd-list><fwd>10.1.1.9</fwd></fwd-list>
    </ip-route-interface-forwarding-list></route>
  </ip>
  <interface>
    <GigabitEthernet><name>1</name><description>phones</description>
      <ip><nat xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-nat"><inside/></nat></ip></GigabitEthernet>
    <GigabitEthernet><name>2</name>
      <ip><nat xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-nat"><outside/></nat></ip></GigabitEthernet>
    <GigabitEthernet><name>3</name></GigabitEthernet>
  </interface>
  <vrf><definition><name>BLUE</name><address-family><ipv4/></address-family></definition></vrf>
</native>
"""
_BARE = """
<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><interface>
  <GigabitEthernet><name>1</name></GigabitEthernet><GigabitEthernet><name>2</name></GigabitEthernet>
</interface></native>
"""


def build(directory: Path, release: str) -> None:
    """The schema of a release, ``16.9`` or ``17.12``, and keys."""
    (directory / "yang").mkdir()
    make_schema(directory / "yang", release)
    make_keys(directory)


def build_with_kernel(directory: Path, release: str) -> None:
    """As :func:`build`, and our plug-in of netconfd, by which a commit reaches the kernel (see ``applier.py``)."""
    build(directory, release)
    make_module_directory(directory / "yang")
    compile_plugin(directory)


class IosxeServer(NetconfServer):
    """A server with the schema of IOS-XE, and no kernel behind it."""

    begins = _THEIRS

    def __init__(self, namespace: Namespace, built: Path, home: Path, target: str = "candidate") -> None:
        super().__init__(namespace, built, home, target, MODULES)


class IosxeRouter(NetconfServer):
    """With the kernel behind it. The interfaces are there, and not marked; the last module carries the plug-in."""

    begins = _BARE
    program = Path(__file__).with_name("applier.py")

    def __init__(self, namespace: Namespace, built: Path, home: Path, target: str = "candidate") -> None:
        super().__init__(namespace, built, home, target, (*MODULES, "ietf-nat"))
