# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: router_prerequisites
short_description: Prepare a router for handovers, or take everything away again
version_added: 0.1.0
description:
  - Converges what a Linux router needs before handovers are programmed on it. The static rules (a table of nftables, or
    chains of iptables), the rule that sends marked packets to a routing table of their own, the kernel settings, the
    operator's firewall, and a service that puts everything back after a reboot or a reload of the firewall.
  - Rules of iptables do not expire by themselves. There a timer is installed that takes away what has expired.
  - On a router of Cisco IOS, or IOS-XE over NETCONF, one interface must be inside for NAT and another one outside. That
    is checked, or set where it is missing. Options that are not for it are passed over.
  - What a router had before is remembered on it, and given back with O(state=absent).
  - A router of the platforms C(ietf_netconf) and C(ietf_netconf_plain) is checked instead. Its NETCONF server must have
    the modules and capabilities of a step, and the inside interface; what is missing is named. Then it gets an empty
    NAT instance and an empty static protocol of ours. Of the options only O(state), O(inside_interface),
    O(drop_handovers) and O(template_dir) matter.
  - A Juniper SRX, platform C(junos), is checked for the filter that freezes flows, and for C(no-syn-check) and
    C(no-sequence-check). With O(firewall=insert) they are made. O(firewall=check) fails and names the very lines.
  - For the platforms C(nxos), C(eos), C(vyos), C(routeros) and C(iosxr) there is O(state=rendered) alone.
  - All of a change or nothing of it. A router that refuses a part is put back, and the error says so.
  - The role P(sipmobility.handover.first_hop_router#role) calls it.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
options:
  state:
    description:
      - V(present) prepares the router, V(absent) takes everything of ours away, V(gathered) tells how it stands.
      - V(rendered) returns the text of the files and reaches no router.
    type: str
    choices: [present, absent, gathered, rendered]
    default: present
  platform:
    description:
      - The platform of the router. V(nftables), V(iptables), V(ios), V(iosxe_netconf), V(junos), V(ietf_netconf) and
        V(ietf_netconf_plain) are prepared by this module, V(snmp) is checked. Text alone is made for V(nxos), V(eos),
        V(vyos), V(routeros) and V(iosxr).
      - Default is the inventory variable C(handover_platform), then the last part of C(ansible_network_os), then
        V(nftables).
    type: str
  inside_interface:
    description: The interface towards the hosts. Required with O(state=present) and O(state=rendered).
    type: str
  outside_interface:
    description: The interface towards the rest of the network.
    type: str
  sysctl:
    description: Whether kernel settings are set, or only checked; a wrong one then is an error that names it.
    type: str
    choices: [set, check]
    default: set
  rp_filter:
    description:
      - V(keep) leaves reverse path filtering as it is. Strict filtering works where phones have C(arp_announce=2).
      - V(loose) loosens it on the inside interface.
    type: str
    choices: [keep, loose]
    default: keep
  firewall:
    description:
      - What to do where the operator's firewall would drop packets of a handover.
      - V(check) fails and names the very command that admits them. V(insert) runs it, and again after each reload.
        V(ignore) looks away.
    type: str
    choices: [check, insert, ignore]
    default: check
  persistence:
    description:
      - Whether a systemd service restores everything after a boot or a reload of the firewall.
      - With V(none) a router with iptables has no timer either, which takes away what has expired. Let
        C(/usr/local/lib/sipmobility/sweep) be run there, every ten seconds, or C(reconcile.yml) from a timer.
    type: str
    choices: [systemd, none]
    default: systemd
  table_size:
    description: The most elements of each map of nftables.
    type: int
    default: 262144
  rule_priority:
    description: Priority of the routing policy rule for marked packets.
    type: int
    default: 7082
  replace_table:
    description: Whether a table of ours with another layout (another version) is replaced; its elements are kept.
    type: bool
    default: false
  nat_interfaces:
    description:
      - On IOS and IOS-XE, whether C(ip nat inside) and C(ip nat outside) are set on the two interfaces where they are
        missing, or only checked; an interface without its mark then is an error that says what to configure.
      - A mark that was set is taken back with O(state=absent); one that the operator had set stays.
    type: str
    choices: [check, set]
    default: check
  drop_handovers:
    description: Whether O(state=absent) may take away static rules that still hold handovers.
    type: bool
    default: false
  template_dir:
    description: A directory on the controller whose templates replace those of the collection, file by file.
    type: path
"""

EXAMPLES = r"""
- name: Prepare a router, and let its firewall admit handovers
  sipmobility.handover.router_prerequisites:
    inside_interface: lan
    outside_interface: wan
    firewall: insert

- name: Mark the interfaces of a Cisco IOS router for NAT, where they are not marked
  sipmobility.handover.router_prerequisites:
    platform: ios
    inside_interface: GigabitEthernet1
    outside_interface: GigabitEthernet2
    nat_interfaces: set

- name: See what a router has
  sipmobility.handover.router_prerequisites:
    state: gathered
    inside_interface: lan

- name: Give the router back as it was
  sipmobility.handover.router_prerequisites:
    state: absent
    inside_interface: lan
"""

RETURN = r"""
before:
  description: What the router had.
  returned: when O(state) is V(present) or V(absent)
  type: dict
  sample:
    files: []
    firewall: []
    rules: []
    service: absent
    sysctls: {net.ipv4.ip_forward: "1"}
    tables: {ip: absent, ip6: absent}
after:
  description: What it has now, or would have in check mode.
  returned: when O(state) is V(present) or V(absent)
  type: dict
gathered:
  description: What the router has, which firewall chains are in the way, and how many elements it holds.
  returned: when O(state=gathered)
  type: dict
rendered:
  description: The text of the files, by path.
  returned: when O(state=rendered)
  type: dict
commands:
  description: What was run on the router, without the contents of the files.
  returned: when O(state) is V(present) or V(absent)
  type: list
  elements: str
advice:
  description: What the operator should know.
  returned: when O(state) is V(present) or V(gathered)
  type: list
  elements: str
"""
