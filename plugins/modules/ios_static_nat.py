# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ios_static_nat
short_description: Static NAT of Cisco IOS and IOS-XE
version_added: 0.1.0
description:
  - Manages the lines C(ip nat inside source static) and C(ip nat outside source static) of a running configuration. One
    address, a network, or one TCP or UDP port of an address, in the global table or in a VRF.
  - Other NAT (pools, access lists, overload), and C(ip nat inside) and C(ip nat outside) on the interfaces, are not
    touched.
  - After a change the running configuration is read back. IOS reports no status, and C(cisco.ios.ios_config) tells
    C(changed) for a line that IOS has refused. Here a refused line fails the task, which names the line and what IOS
    said, and the entries that stood before are put back.
  - The startup configuration is not written. Use C(cisco.ios.ios_config) with C(save_when).
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
    platforms: ios
    description: Cisco IOS and IOS-XE, by their command line.
requirements:
  - The collections C(cisco.ios) and C(ansible.netcommon), for every O(state) but V(rendered) and V(parsed).
options:
  config:
    description:
      - The entries. Keys have the names of RV(gathered), and what was gathered can be given again.
      - Required with O(state=merged), O(state=replaced), O(state=overridden) and O(state=rendered). With
        O(state=deleted), O(config) or O(owned) is required.
    type: list
    elements: dict
    suboptions:
      side:
        description:
          - V(inside) translates an address of a host behind the interfaces marked C(ip nat inside), V(outside) one
            behind those marked C(ip nat outside). IOS translates in both directions by either.
        type: str
        choices: [inside, outside]
        required: true
      local_address:
        description:
          - The address as the inside sees it. Cisco calls it inside local, or with C(side=outside) outside local.
          - With C(prefix_length), the first address of a network.
        type: str
        required: true
      global_address:
        description:
          - The address as the outside sees it. Cisco calls it inside global, or with C(side=outside) outside global.
          - Exactly one of this and C(interface) is given.
        type: str
      interface:
        description:
          - The interface whose address is the global one, with C(side=inside) only. As the running configuration
            writes it, without a blank; C(Gi), C(Te), C(Fa), C(Vl), C(Lo), C(Po), C(Se), C(Tu) and C(Di) are completed.
        type: str
      protocol:
        description: Translate one port only. C(local_port) and C(global_port) are given as well.
        type: str
        choices: [tcp, udp]
      local_port:
        description: The port that goes with C(local_address), 1 to 65535.
        type: int
      global_port:
        description: The port that goes with C(global_address) or C(interface), 1 to 65535.
        type: int
      prefix_length:
        description:
          - Translate a whole network, host by host. Both addresses are the first of a network of this length, 1 to 32.
        type: int
      vrf:
        description: The VRF of the entry. Without it, the entry is one of the global table.
        type: str
      match_in_vrf:
        description: Both sides of the entry lie in its VRF (C(match-in-vrf)).
        type: bool
      route_map:
        description:
          - Translate only what this route-map matches, with C(side=inside) only. IOS has none on static outside
            entries.
          - IOS-XE looks at route-maps of several entries in the order of the configuration.
        type: str
      reversible:
        description: The route-map also serves for sessions that the outside opens.
        type: bool
      redundancy:
        description:
          - The name of an HSRP group, or the number of a redundancy group. The router that is active in it answers for
            the entry.
          - IOS-XE has it on outside entries since 17.8.
        type: str
      mapping_id:
        description: The number by which both routers of a redundancy group know the entry.
        type: int
      extendable:
        description:
          - Other extendable entries may share one of the addresses.
          - IOS adds it to entries with ports by itself, so V(false) is taken for V(true) there when the router has it.
        type: bool
      no_alias:
        description:
          - The router does not answer ARP for the address into which it translates. Without it, it does where that
            address lies in a network of one of its interfaces.
        type: bool
      no_payload:
        description: Addresses inside of the packets, for example in SIP or DNS messages, are left as they are.
        type: bool
      add_route:
        description: A host route for C(local_address) by way of C(global_address) is added, with C(side=outside) only.
        type: bool
  owned:
    description:
      - The parts of the router's static NAT that this play answers for. An entry belongs to a part by its local
        address. Nothing outside of them is removed.
      - Required with O(state=overridden). With O(state=deleted), O(config) or O(owned) is required.
    type: list
    elements: dict
    suboptions:
      network:
        description: The network in which local addresses lie, for example C(10.1.0.0/16); C(0.0.0.0/0) is all.
        type: str
        required: true
      side:
        description: Entries of this side only.
        type: str
        choices: [inside, outside]
      vrf:
        description: Entries of this VRF. Without it, those of the global table only.
        type: str
  running_config:
    description:
      - A running configuration, or the part of it that C(show running-config | include ^ip nat) prints. Required with
        O(state=parsed).
    type: str
  state:
    description:
      - V(merged) adds the given entries. Of an entry that stands, the options that are given change, the others stay.
        Another translation, or another C(route_map), is another entry.
      - V(replaced) makes each address that the given entries translate, or each port of it, have exactly these
        entries.
      - V(overridden) makes the parts in O(owned) hold exactly the given entries.
      - V(deleted) removes the given entries, whatever their options, and all entries of the parts in O(owned).
      - V(gathered) reads the router.
      - V(rendered) returns the lines of the given entries. The router is not reached.
      - V(parsed) reads entries from O(running_config). The router is not reached.
    type: str
    choices: [merged, replaced, overridden, deleted, gathered, rendered, parsed]
    default: merged
  forced:
    description:
      - Whether an entry is removed although live sessions use it; they end. Otherwise IOS refuses, and so does the
        task.
      - Concerns every removal, also that of an entry whose options change. IOS changes no entry in place, so it is
        removed and added anew.
    type: bool
    default: false
  template_dir:
    description:
      - A directory on the controller whose templates replace those of the collection, file by file, for example
        C(ios/static_nat.j2).
    type: path
notes:
  - Tested against a stand-in that was written from Cisco's documentation, never yet on Cisco's software. See
    C(docs/platforms/ios.md) in the collection.
  - Works over C(ansible.netcommon.network_cli) with C(ansible_network_os=cisco.ios.ios), in privileged mode.
  - Removals come before additions. Between them the addresses concerned are not translated.
  - Lines of static NAT with words that the module has no option for are left alone, and returned as RV(unread).
seealso:
  - module: cisco.ios.ios_config
  - module: sipmobility.handover.router_state
"""

EXAMPLES = r"""
# Using merged

# Before state:
# -------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static 10.1.1.10 203.0.113.10
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

- name: Give a host an address, and let the router not answer ARP for that of another
  sipmobility.handover.ios_static_nat:
    config:
      - side: inside
        local_address: 10.1.1.30
        global_address: 203.0.113.30
        no_payload: true
      - side: inside
        local_address: 10.1.1.10
        global_address: 203.0.113.10
        no_alias: true
    state: merged

# Task output
# -----------
#
# changed: true
# before:
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# commands:
# - no ip nat inside source static 10.1.1.10 203.0.113.10
# - ip nat inside source static 10.1.1.10 203.0.113.10 no-alias
# - ip nat inside source static 10.1.1.30 203.0.113.30 no-payload
# after:
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
#   no_alias: true
# - side: inside
#   local_address: 10.1.1.30
#   global_address: 203.0.113.30
#   no_payload: true

# After state:
# ------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route
# ip nat inside source static 10.1.1.10 203.0.113.10 no-alias
# ip nat inside source static 10.1.1.30 203.0.113.30 no-payload

# Using replaced

# Before state:
# -------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static 10.1.1.10 203.0.113.10
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

- name: Move a host to another address, although sessions use the first
  sipmobility.handover.ios_static_nat:
    config:
      - side: inside
        local_address: 10.1.1.10
        global_address: 203.0.113.11
    forced: true
    state: replaced

# Task output
# -----------
#
# changed: true
# before:
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# commands:
# - no ip nat inside source static 10.1.1.10 203.0.113.10 forced
# - ip nat inside source static 10.1.1.10 203.0.113.11
# after:
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.11

# After state:
# ------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route
# ip nat inside source static 10.1.1.10 203.0.113.11

# Using overridden

# Before state:
# -------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static 10.1.1.10 203.0.113.10
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

- name: Make this all the static NAT of 10.1.0.0/16, and leave other entries alone
  sipmobility.handover.ios_static_nat:
    config:
      - side: inside
        protocol: tcp
        local_address: 10.1.1.20
        local_port: 80
        interface: GigabitEthernet2
        global_port: 80
    owned:
      - network: 10.1.0.0/16
        side: inside
    state: overridden

# Task output
# -----------
#
# changed: true
# before:
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# commands:
# - no ip nat inside source static 10.1.1.10 203.0.113.10
# - no ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# - ip nat inside source static tcp 10.1.1.20 80 interface GigabitEthernet2 80
# after:
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# - side: inside
#   local_address: 10.1.1.20
#   interface: GigabitEthernet2
#   protocol: tcp
#   local_port: 80
#   global_port: 80

# After state:
# ------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route
# ip nat inside source static tcp 10.1.1.20 80 interface GigabitEthernet2 80

# Using deleted

# Before state:
# -------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static 10.1.1.10 203.0.113.10
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

- name: Remove one entry
  sipmobility.handover.ios_static_nat:
    config:
      - side: outside
        local_address: 10.9.9.7
        global_address: 198.51.100.7
    state: deleted

# Task output
# -----------
#
# changed: true
# before:
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# commands:
# - no ip nat outside source static 198.51.100.7 10.9.9.7 add-route
# after:
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true

# After state:
# ------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static 10.1.1.10 203.0.113.10
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable

# Using deleted, for all that is owned

# Before state:
# -------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static 10.1.1.10 203.0.113.10
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

- name: Remove all static NAT of 10.1.0.0/16
  sipmobility.handover.ios_static_nat:
    owned:
      - network: 10.1.0.0/16
    state: deleted

# Task output
# -----------
#
# changed: true
# before:
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
# commands:
# - no ip nat inside source static 10.1.1.10 203.0.113.10
# - no ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# after:
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true

# After state:
# ------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

# Using gathered

# Before state:
# -------------
#
# rb#show running-config | include ^ip nat (inside|outside) source static
# ip nat inside source static 10.1.1.10 203.0.113.10
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

- name: Read the static NAT of a router
  sipmobility.handover.ios_static_nat:
    state: gathered

# Task output
# -----------
#
# changed: false
# gathered:
# - side: inside
#   local_address: 10.1.1.10
#   global_address: 203.0.113.10
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true

# Using rendered, which reaches no router

- name: Write lines for another pipeline
  sipmobility.handover.ios_static_nat:
    config:
      - side: inside
        local_address: 10.2.0.0
        global_address: 198.18.2.0
        prefix_length: 24
        vrf: BLUE
        match_in_vrf: true
      - side: inside
        local_address: 10.1.1.10
        global_address: 203.0.113.10
        route_map: TO-PARTNER
        reversible: true
        redundancy: '1'
        mapping_id: 100
        extendable: true
    state: rendered

# Task output
# -----------
#
# changed: false
# rendered:
# - ip nat inside source static network 10.2.0.0 198.18.2.0 /24 vrf BLUE match-in-vrf
# - ip nat inside source static 10.1.1.10 203.0.113.10 route-map TO-PARTNER reversible redundancy 1 mapping-id 100
#   extendable

# Using parsed, which reaches no router

# File: rb.cfg
# ------------
#
# interface GigabitEthernet1
#  ip nat inside
# !
# ip nat inside source static tcp 10.1.1.20 80 203.0.113.20 8080 extendable
# ip nat outside source static 198.51.100.7 10.9.9.7 add-route

- name: Read a configuration that was saved
  sipmobility.handover.ios_static_nat:
    running_config: "{{ lookup('ansible.builtin.file', 'rb.cfg') }}"
    state: parsed

# Task output
# -----------
#
# changed: false
# parsed:
# - side: inside
#   local_address: 10.1.1.20
#   global_address: 203.0.113.20
#   protocol: tcp
#   local_port: 80
#   global_port: 8080
#   extendable: true
# - side: outside
#   local_address: 10.9.9.7
#   global_address: 198.51.100.7
#   add_route: true
"""

RETURN = r"""
before:
  description: The static NAT before the task, as O(config).
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted)
  type: list
  elements: dict
  sample:
    - side: inside
      local_address: 10.1.1.10
      global_address: 203.0.113.10
after:
  description: The static NAT after the task, read back; in check mode, what it would be.
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted)
  type: list
  elements: dict
commands:
  description: The lines that were sent, or would be sent in check mode, in their order.
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted)
  type: list
  elements: str
  sample:
    - no ip nat inside source static 10.1.1.10 203.0.113.10
    - ip nat inside source static 10.1.1.10 203.0.113.11
gathered:
  description: The static NAT of the router, as O(config).
  returned: when O(state=gathered)
  type: list
  elements: dict
rendered:
  description: The lines of the given entries.
  returned: when O(state=rendered)
  type: list
  elements: str
parsed:
  description: The static NAT in O(running_config), as O(config).
  returned: when O(state=parsed)
  type: list
  elements: dict
unread:
  description: Lines of static NAT that the module has no options for, and leaves alone.
  returned: when there are some
  type: list
  elements: str
  sample: [ip nat inside source static esp 10.1.1.1 interface GigabitEthernet1]
code:
  description: >-
    What went wrong, in one word that does not change. V(similar_entry), V(already_mapped), V(entry_in_use),
    V(no_such_entry), V(no_such_vrf), V(unknown_word), V(no_privilege), V(line_refused), V(not_read_back),
    V(device_unreachable), V(wrong_connection), V(bad_static_nat), V(bad_record), V(given_twice), V(not_owned) or
    V(bad_template).
  returned: failure
  type: str
  sample: similar_entry
subject:
  description: What it went wrong with, for a refused line the router and the line.
  returned: failure
  type: str
rule:
  description: The rule that was broken, with the words of IOS.
  returned: failure
  type: str
advice:
  description: What to do next, and how the router stands now.
  returned: failure
  type: str
"""
