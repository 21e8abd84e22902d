# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that reach a router, or write text for one."""

from __future__ import annotations


class ModuleDocFragment:
    """Platform, templates and clock."""

    DOCUMENTATION = r"""
options:
  platform:
    description:
      - The platform of the router, which is also the name of its directory of templates.
      - Default is the inventory variable C(handover_platform), then the last part of C(ansible_network_os), then
        V(nftables).
    type: str
  template_dir:
    description:
      - A directory on the controller whose templates replace those of the collection, file by file. A template is found
        by platform and name, for example C(nftables/step.sh.j2).
    type: path
  now:
    description:
      - The time, in Unix seconds, from which the timeouts in the router's text are counted.
      - Default is the controller's clock. Give it to get the same text again.
    type: float
notes:
  - The work runs on the controller and reaches the router through its Ansible connection. Routers need no Python; a
    Linux router needs a POSIX shell, C(ip), C(nft) or the tools of iptables and C(conntrack), and a login that may
    become root.
  - A connection to a command line or a datastore (C(network_cli), C(netconf), C(httpapi)) has no shell, and the
    platforms V(nftables) and V(iptables) refuse it.
  - The platform V(ios) needs the connection P(ansible.netcommon.network_cli#connection) with C(ansible_network_os) set
    to C(cisco.ios.ios). It holds IPv4, both directions, and the scopes of an address or, at the visited router, of a
    correspondent. The inventory variables C(handover_ios_vrf) and C(handover_ios_redundancy) give every line a VRF, and
    an HSRP group by name or a redundancy group by number. C(docs/platforms/ios.md) tells the rest.
  - With the inventory variable C(handover_transport=snmp_config_copy) a router of the platform V(ios) is told by SNMP
    to fetch its lines from the controller, by TFTP or scp. See C(docs/platforms/snmp.md).
  - The platform V(iosxe_netconf) holds the same on IOS-XE, and needs P(ansible.netcommon.netconf#connection). The
    variable C(handover_iosxe_revision) tells for which revision of Cisco's modules text is made without asking the
    router. See C(docs/platforms/iosxe_netconf.md).
  - The platform V(junos) needs the connection P(ansible.netcommon.netconf#connection), and interfaces that are named
    with their unit. It holds both directions, and freezes flows while its sessions change. C(docs/platforms/junos.md)
    tells the rest. It was never run on Juniper's software.
  - Text for the platforms V(nxos), V(eos), V(vyos), V(routeros) and V(iosxr) is written and never sent, because it was
    tried on no such router. Whatever would need one is refused with the code C(render_only). See
    C(docs/platforms/render-only.md).
  - A router of the platform V(snmp) is reached by SNMP, whatever its Ansible connection; set C(ansible_connection) to
    V(local). Its login is in the inventory variables C(handover_snmp_user), C(handover_snmp_auth_key) and
    C(handover_snmp_privacy_key). The controller needs C(pysnmp) 7. See C(docs/platforms/snmp.md).
"""

    ENTRIES = r"""
options: {}
notes:
  - >-
    An entry has C(type), the id of its C(handover), C(epoch), C(expires) (C(YYYY-MM-DDTHH:MM:SSZ)), C(directions)
    (V(forward) or V(both)), C(flows) (of the whole handover) and C(ended) (it is about to end).
    With C(type=rewrite) come C(kind) (V(inbound_dst), V(inbound_src), V(outbound_dst) or V(outbound_src)), C(match) and
    C(to), the address that is put in; with C(type=mark) comes C(match): such packets are only marked, so that they find
    the route and pass the operator's firewall; with C(type=route) come C(destination), C(via) and C(interface);
    with C(type=neighbour) come C(address) and C(interface); with C(type=freeze) comes C(match): such packets are
    dropped meanwhile.
  - >-
    A C(match) has C(source), C(destination) or both, and for one session C(protocol) (V(tcp), V(udp), V(sctp),
    V(udplite) or V(dccp)), C(source_port) and C(destination_port).
  - A key that is unknown, missing or of a wrong type is refused by name.
"""
