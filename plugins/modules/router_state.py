# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: router_state
short_description: Converge, read, render or parse what one first-hop router holds for handovers
version_added: 0.1.0
description:
  - Works on the whole state of one router, for audit and repair. The state is a list of entries, rewrites, marks and
    routes, each with the id of its handover and its expiry.
  - Use M(sipmobility.handover.apply_step) to carry out a handover. This module changes one router at once, without the
    order that keeps a live session alive, and must not be used in the middle of a handover.
  - Touches what stands under the name of this collection on the router and nothing else. After a change the router is
    read back; where it does not hold what it was told, it is put back and the task fails.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
  - sipmobility.handover.router
  - sipmobility.handover.router.entries
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
    description: >-
      Linux routers of the platforms V(nftables) and V(iptables), Cisco IOS and IOS-XE by V(ios), and Juniper SRX by
      V(junos).
options:
  config:
    description:
      - The entries, as RV(gathered) returns them. The notes tell the keys of an entry; C(epoch), C(directions),
        C(flows) and C(ended) have the defaults V(1), V(both), V(1) and V(false).
      - Mutually exclusive with O(src). One of the two is required with O(state=merged), O(state=replaced),
        O(state=overridden) and O(state=rendered).
    type: list
    elements: dict
  src:
    description:
      - A JSON file on the controller that holds what O(config) would. Use it for more than about 100 entries.
      - Mutually exclusive with O(config). One of the two is required with O(state=merged), O(state=replaced),
        O(state=overridden) and O(state=rendered).
    type: path
  dest:
    description:
      - With O(state=gathered) and O(state=parsed), a JSON file on the controller for the entries. The result then has
        their number alone. Required from 10001 entries on. A file C(NAME.generation) beside it tells
        of which generation the router was.
    type: path
  running_config:
    description:
      - What the platform's gathering script (C(templates/nftables/gather.sh.j2)) printed, for O(state=parsed), and
        required there. Of Cisco IOS, a running configuration, whole or in part.
    type: str
  state:
    description:
      - V(merged) puts the given entries on the router and leaves all others.
      - V(replaced) makes the given handovers hold exactly the given entries and leaves all other handovers.
      - V(overridden) makes the router hold exactly the given entries.
      - V(deleted) removes the given entries, or every entry where none is given.
      - V(gathered) reads the router.
      - V(rendered) returns the text that would put the given entries on an empty router. The router is not reached.
      - V(parsed) reads entries from O(running_config). The router is not reached.
    type: str
    choices: [merged, replaced, overridden, deleted, gathered, rendered, parsed]
    default: merged
seealso:
  - module: sipmobility.handover.apply_step
  - module: sipmobility.handover.plan_handover
  - plugin: sipmobility.handover.router_states
    plugin_type: filter
"""

EXAMPLES = r"""
# Using merged

- name: Add what a second handover needs, and keep the rest
  sipmobility.handover.router_state:
    config:
      - type: rewrite
        kind: outbound_dst
        match: {source: 3.3.3.3, destination: 1.1.1.9, protocol: tcp, source_port: 7000, destination_port: 40100}
        to: 2.2.2.9
        handover: 902c9608e089a31a
        epoch: 1
        expires: '2026-11-24T05:00:30Z'
        directions: forward
    now: 1795495800
    state: merged

# Task output
# -----------
# changed: true
# before:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 2.2.2.2
#     handover: 5ff34c213679c18f
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
# commands:
#   - 'set -eu'
#   - 'nft -f - <<''ELEMENTS'''
#   - >-
#     add element ip sipmobility session_error_inbound_dst { 0x303030302020209 . 0x6 . 0x1b589ca4 timeout
#     630s comment "sipmobility:1 id=902c9608e089a31a e=1 x=1795496430 n=1 d=forward" : 1.1.1.9 }
#   - >-
#     add element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.9 . tcp . 7000 . 40100 timeout
#     630s comment "sipmobility:1 id=902c9608e089a31a e=1 x=1795496430 n=1 d=forward" : 2.2.2.9 }
#   - 'ELEMENTS'
#   - 'if test -x /usr/local/lib/sipmobility/save; then /usr/local/lib/sipmobility/save; fi'
# after:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 2.2.2.2
#     handover: 5ff34c213679c18f
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.9, protocol: tcp, source_port: 7000, destination_port: 40100}
#     to: 2.2.2.9
#     handover: 902c9608e089a31a
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false

# Using replaced

- name: Make the first handover as given, and leave the second alone
  sipmobility.handover.router_state:
    config:
      - type: rewrite
        kind: outbound_dst
        match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
        to: 4.4.4.4
        handover: 5ff34c213679c18f
        epoch: 2
        expires: '2026-11-24T05:00:30Z'
        directions: forward
    now: 1795495800
    state: replaced

# Task output
# -----------
# changed: true
# before:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 2.2.2.2
#     handover: 5ff34c213679c18f
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.9, protocol: tcp, source_port: 7000, destination_port: 40100}
#     to: 2.2.2.9
#     handover: 902c9608e089a31a
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
# commands:
#   - 'set -eu'
#   - 'nft -f - <<''ELEMENTS'''
#   - 'add element ip sipmobility session_error_inbound_dst { 0x303030302020202 . 0x6 . 0x1b589c40 : 1.1.1.1 }'
#   - 'delete element ip sipmobility session_error_inbound_dst { 0x303030302020202 . 0x6 . 0x1b589c40 }'
#   - 'add element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.1 . tcp . 7000 . 40000 : 2.2.2.2 }'
#   - 'delete element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.1 . tcp . 7000 . 40000 }'
#   - >-
#     add element ip sipmobility session_error_inbound_dst { 0x303030304040404 . 0x6 . 0x1b589c40 timeout
#     630s comment "sipmobility:1 id=5ff34c213679c18f e=2 x=1795496430 n=1 d=forward" : 1.1.1.1 }
#   - >-
#     add element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.1 . tcp . 7000 . 40000 timeout
#     630s comment "sipmobility:1 id=5ff34c213679c18f e=2 x=1795496430 n=1 d=forward" : 4.4.4.4 }
#   - 'ELEMENTS'
#   - 'if test -x /usr/local/lib/sipmobility/save; then /usr/local/lib/sipmobility/save; fi'
# after:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 4.4.4.4
#     handover: 5ff34c213679c18f
#     epoch: 2
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.9, protocol: tcp, source_port: 7000, destination_port: 40100}
#     to: 2.2.2.9
#     handover: 902c9608e089a31a
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false

# Using overridden

- name: Make the router hold this and nothing else of ours
  sipmobility.handover.router_state:
    config:
      - type: rewrite
        kind: outbound_dst
        match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
        to: 4.4.4.4
        handover: 5ff34c213679c18f
        epoch: 2
        expires: '2026-11-24T05:00:30Z'
        directions: forward
    now: 1795495800
    state: overridden

# Task output
# -----------
# changed: true
# before:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 4.4.4.4
#     handover: 5ff34c213679c18f
#     epoch: 2
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.9, protocol: tcp, source_port: 7000, destination_port: 40100}
#     to: 2.2.2.9
#     handover: 902c9608e089a31a
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
# commands:
#   - 'set -eu'
#   - 'nft -f - <<''ELEMENTS'''
#   - 'add element ip sipmobility session_error_inbound_dst { 0x303030302020209 . 0x6 . 0x1b589ca4 : 1.1.1.9 }'
#   - 'delete element ip sipmobility session_error_inbound_dst { 0x303030302020209 . 0x6 . 0x1b589ca4 }'
#   - 'add element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.9 . tcp . 7000 . 40100 : 2.2.2.9 }'
#   - 'delete element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.9 . tcp . 7000 . 40100 }'
#   - 'ELEMENTS'
#   - 'if test -x /usr/local/lib/sipmobility/save; then /usr/local/lib/sipmobility/save; fi'
# after:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 4.4.4.4
#     handover: 5ff34c213679c18f
#     epoch: 2
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false

# Using deleted

- name: Remove everything of ours
  sipmobility.handover.router_state:
    now: 1795495800
    state: deleted

# Task output
# -----------
# changed: true
# before:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 4.4.4.4
#     handover: 5ff34c213679c18f
#     epoch: 2
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false
# commands:
#   - 'set -eu'
#   - 'nft -f - <<''ELEMENTS'''
#   - 'add element ip sipmobility session_error_inbound_dst { 0x303030304040404 . 0x6 . 0x1b589c40 : 1.1.1.1 }'
#   - 'delete element ip sipmobility session_error_inbound_dst { 0x303030304040404 . 0x6 . 0x1b589c40 }'
#   - 'add element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.1 . tcp . 7000 . 40000 : 4.4.4.4 }'
#   - 'delete element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.1 . tcp . 7000 . 40000 }'
#   - 'ELEMENTS'
#   - 'if test -x /usr/local/lib/sipmobility/save; then /usr/local/lib/sipmobility/save; fi'
# after: []

# Using gathered

- name: Read what the router holds
  sipmobility.handover.router_state:
    state: gathered

# Task output
# -----------
# changed: false
# gathered:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 4.4.4.4
#     handover: 5ff34c213679c18f
#     epoch: 2
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false

# Using rendered, which reaches no router

- name: Write the text that puts this on an empty router
  sipmobility.handover.router_state:
    config:
      - type: route
        destination: 1.1.1.1
        via: 2.2.2.2
        interface: lan
        handover: 5ff34c213679c18f
        expires: '2026-11-24T05:01:00Z'
    platform: nftables
    now: 1795495800
    state: rendered

# Task output
# -----------
# changed: false
# rendered: |
#   set -eu
#   ip -4 -batch - <<'ROUTES'
#   route replace 1.1.1.1/32 via 2.2.2.2 dev lan table 7082 proto 182 metric 16843009
#   ROUTES
#   nft -f - <<'ELEMENTS'
#   add element ip sipmobility route { 1.1.1.1 timeout 660s comment "sipmobility:1 id=5ff34c213679c18f ..." }
#   ELEMENTS
#   if test -x /usr/local/lib/sipmobility/save; then /usr/local/lib/sipmobility/save; fi

# Using parsed, which reaches no router

- name: Read what the gathering script printed some other time
  sipmobility.handover.router_state:
    running_config: "{{ lookup('ansible.builtin.file', 'rc.txt') }}"
    platform: nftables
    state: parsed

# Task output
# -----------
# changed: false
# parsed:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 4.4.4.4
#     handover: 5ff34c213679c18f
#     epoch: 2
#     expires: '2026-11-24T05:00:30Z'
#     directions: forward
#     flows: 1
#     ended: false

# On Cisco IOS. A backslash at the end of a line joins it with the next one.

# Using merged on Cisco IOS: the visited router, for one correspondent

# Before state
# ------------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility

- name: Rewrite what the phone and its correspondent send to each other
  sipmobility.handover.router_state:
    config:
      - type: rewrite
        kind: inbound_dst
        match: {source: 198.18.3.30, destination: 203.0.113.20}
        to: 198.51.100.10
        handover: 8d7ac21f98194017
        epoch: 1
        expires: '2026-11-24T05:01:00Z'
      - type: rewrite
        kind: outbound_src
        match: {source: 198.51.100.10, destination: 198.18.3.30}
        to: 203.0.113.20
        handover: 8d7ac21f98194017
        epoch: 1
        expires: '2026-11-24T05:00:30Z'
      - type: route
        destination: 198.51.100.10
        via: 203.0.113.20
        interface: GigabitEthernet1
        handover: 8d7ac21f98194017
        epoch: 1
        expires: '2026-11-24T05:01:00Z'
    now: 1795495800
    state: merged

# Task output
# -----------
#
# changed: true
# commands:
#   - >-
#     event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496460 n=1 d=both
#   - >-
#     event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496430 n=1 d=both
#   - >-
#     event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496460 n=1 d=both
#   - 'ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20 name sipmobility tag 7082'
#   - 'ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20'
#   - ' permit ip host 198.51.100.10 host 198.18.3.30'
#   - 'route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10'
#   - ' match ip address SIPMOBILITY-198.51.100.10-203.0.113.20'
#   - >-
#     ip nat inside source static 198.51.100.10 203.0.113.20 route-map
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
#   - 'do clear ip nat translation inside 203.0.113.20 198.51.100.10'

# After state
# -----------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility
# ip nat inside source static 198.51.100.10 203.0.113.20 route-map \
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
# ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20 name sipmobility tag 7082
# ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20
#  permit ip host 198.51.100.10 host 198.18.3.30
# route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10
#  match ip address SIPMOBILITY-198.51.100.10-203.0.113.20
# event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to \
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496460 n=1 d=both
# event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to \
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496430 n=1 d=both
# event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev \
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496460 n=1 d=both

# Using replaced on Cisco IOS

# Before state
# ------------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility
# ip nat inside source static 198.51.100.10 203.0.113.20 route-map \
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
# ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20 name sipmobility tag 7082
# ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20
#  permit ip host 198.51.100.10 host 198.18.3.30
# route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10
#  match ip address SIPMOBILITY-198.51.100.10-203.0.113.20
# event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to \
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496460 n=1 d=both
# event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to \
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496430 n=1 d=both
# event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev \
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496460 n=1 d=both

- name: Let the handover last an hour longer, which touches no line of NAT
  sipmobility.handover.router_state:
    config:
      - type: rewrite
        kind: inbound_dst
        match: {source: 198.18.3.30, destination: 203.0.113.20}
        to: 198.51.100.10
        handover: 8d7ac21f98194017
        epoch: 2
        expires: '2026-11-24T06:01:00Z'
      - type: rewrite
        kind: outbound_src
        match: {source: 198.51.100.10, destination: 198.18.3.30}
        to: 203.0.113.20
        handover: 8d7ac21f98194017
        epoch: 2
        expires: '2026-11-24T06:00:30Z'
      - type: route
        destination: 198.51.100.10
        via: 203.0.113.20
        interface: GigabitEthernet1
        handover: 8d7ac21f98194017
        epoch: 2
        expires: '2026-11-24T06:01:00Z'
    now: 1795495800
    state: replaced

# Task output
# -----------
#
# changed: true
# commands:
#   - >-
#     event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both
#   - >-
#     event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500030 n=1 d=both
#   - >-
#     event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both

# After state
# -----------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility
# ip nat inside source static 198.51.100.10 203.0.113.20 route-map \
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
# ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20 name sipmobility tag 7082
# ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20
#  permit ip host 198.51.100.10 host 198.18.3.30
# route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10
#  match ip address SIPMOBILITY-198.51.100.10-203.0.113.20
# event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to \
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both
# event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to \
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500030 n=1 d=both
# event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev \
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both

# Using gathered on Cisco IOS

# Before state
# ------------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility
# ip nat inside source static 198.51.100.10 203.0.113.20 route-map \
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
# ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20 name sipmobility tag 7082
# ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20
#  permit ip host 198.51.100.10 host 198.18.3.30
# route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10
#  match ip address SIPMOBILITY-198.51.100.10-203.0.113.20
# event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to \
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both
# event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to \
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500030 n=1 d=both
# event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev \
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both

- name: Read what the router holds
  sipmobility.handover.router_state:
    state: gathered

# Task output
# -----------
#
# changed: false
# gathered:
#   - type: rewrite
#     kind: inbound_dst
#     match: {source: 198.18.3.30, destination: 203.0.113.20}
#     to: 198.51.100.10
#     handover: 8d7ac21f98194017
#     epoch: 2
#     expires: '2026-11-24T06:01:00Z'
#     directions: both
#     flows: 1
#     ended: false
#   - type: rewrite
#     kind: outbound_src
#     match: {source: 198.51.100.10, destination: 198.18.3.30}
#     to: 203.0.113.20
#     handover: 8d7ac21f98194017
#     epoch: 2
#     expires: '2026-11-24T06:00:30Z'
#     directions: both
#     flows: 1
#     ended: false
#   - type: route
#     destination: 198.51.100.10
#     via: 203.0.113.20
#     interface: GigabitEthernet1
#     handover: 8d7ac21f98194017
#     epoch: 2
#     expires: '2026-11-24T06:01:00Z'
#     directions: both
#     flows: 1
#     ended: false

# Using overridden on Cisco IOS: the correspondent's router, for every correspondent

# Before state
# ------------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility
# ip nat inside source static 198.51.100.10 203.0.113.20 route-map \
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
# ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20 name sipmobility tag 7082
# ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20
#  permit ip host 198.51.100.10 host 198.18.3.30
# route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10
#  match ip address SIPMOBILITY-198.51.100.10-203.0.113.20
# event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to \
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both
# event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to \
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500030 n=1 d=both
# event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev \
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both

- name: Hold this and nothing else of ours
  sipmobility.handover.router_state:
    config:
      - type: rewrite
        kind: outbound_dst
        match: {destination: 192.0.2.7}
        to: 203.0.113.77
        handover: 5ff34c213679c18f
        epoch: 1
        expires: '2026-11-24T05:00:30Z'
      - type: rewrite
        kind: inbound_src
        match: {source: 203.0.113.77}
        to: 192.0.2.7
        handover: 5ff34c213679c18f
        epoch: 1
        expires: '2026-11-24T05:01:00Z'
    now: 1795495800
    state: overridden

# Task output
# -----------
#
# changed: true
# commands:
#   - >-
#     event manager environment sipmobility_od_any_c0000207 outbound_dst any 192.0.2.7 to 203.0.113.77
#     sipmobility:1 id=5ff34c213679c18f e=1 x=1795496430 n=1 d=both
#   - >-
#     event manager environment sipmobility_is_cb00714d_any inbound_src 203.0.113.77 any to 192.0.2.7
#     sipmobility:1 id=5ff34c213679c18f e=1 x=1795496460 n=1 d=both
#   - >-
#     no ip nat inside source static 198.51.100.10 203.0.113.20 route-map
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload forced
#   - 'no route-map SIPMOBILITY-198.51.100.10-203.0.113.20'
#   - 'no ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20'
#   - 'ip nat outside source static 203.0.113.77 192.0.2.7 no-payload add-route'
#   - 'no ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20'
#   - 'no event manager environment sipmobility_id_c612031e_cb007114'
#   - 'no event manager environment sipmobility_os_c633640a_c612031e'
#   - 'no event manager environment sipmobility_rt_c633640a_any'
#   - 'do clear ip nat translation inside 203.0.113.20 198.51.100.10'
#   - 'do clear ip nat translation outside 192.0.2.7 203.0.113.77'

# After state
# -----------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility
# ip nat outside source static 203.0.113.77 192.0.2.7 no-payload add-route
# event manager environment sipmobility_od_any_c0000207 outbound_dst any 192.0.2.7 to 203.0.113.77 \
#     sipmobility:1 id=5ff34c213679c18f e=1 x=1795496430 n=1 d=both
# event manager environment sipmobility_is_cb00714d_any inbound_src 203.0.113.77 any to 192.0.2.7 \
#     sipmobility:1 id=5ff34c213679c18f e=1 x=1795496460 n=1 d=both

# Using deleted on Cisco IOS

# Before state
# ------------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility
# ip nat outside source static 203.0.113.77 192.0.2.7 no-payload add-route
# event manager environment sipmobility_od_any_c0000207 outbound_dst any 192.0.2.7 to 203.0.113.77 \
#     sipmobility:1 id=5ff34c213679c18f e=1 x=1795496430 n=1 d=both
# event manager environment sipmobility_is_cb00714d_any inbound_src 203.0.113.77 any to 192.0.2.7 \
#     sipmobility:1 id=5ff34c213679c18f e=1 x=1795496460 n=1 d=both

- name: Remove everything of ours, and nothing else
  sipmobility.handover.router_state:
    now: 1795495800
    state: deleted

# Task output
# -----------
#
# changed: true
# commands:
#   - 'no ip nat outside source static 203.0.113.77 192.0.2.7 no-payload add-route'
#   - 'no event manager environment sipmobility_od_any_c0000207'
#   - 'no event manager environment sipmobility_is_cb00714d_any'
#   - 'do clear ip nat translation outside 192.0.2.7 203.0.113.77'

# After state
# -----------
#
# rb# show running-config | section ^ip nat|^ip route|SIPMOBILITY|sipmobility

# Using rendered on Cisco IOS, which reaches no router

- name: Write the lines that put this on an empty router
  sipmobility.handover.router_state:
    config:
      - type: rewrite
        kind: inbound_dst
        match: {source: 198.18.3.30, destination: 203.0.113.20}
        to: 198.51.100.10
        handover: 8d7ac21f98194017
        epoch: 1
        expires: '2026-11-24T05:01:00Z'
      - type: rewrite
        kind: outbound_src
        match: {source: 198.51.100.10, destination: 198.18.3.30}
        to: 203.0.113.20
        handover: 8d7ac21f98194017
        epoch: 1
        expires: '2026-11-24T05:00:30Z'
    platform: ios
    now: 1795495800
    state: rendered

# Task output
# -----------
#
# changed: false
# rendered: |
#   event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to \
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496460 n=1 d=both
#   event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 \
#     to 203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496430 n=1 d=both
#   ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20
#    permit ip host 198.51.100.10 host 198.18.3.30
#   route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10
#    match ip address SIPMOBILITY-198.51.100.10-203.0.113.20
#   ip nat inside source static 198.51.100.10 203.0.113.20 route-map \
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
#   do clear ip nat translation inside 203.0.113.20 198.51.100.10

# Using parsed on Cisco IOS, which reaches no router

- name: Read a running configuration that was kept, whole or in part
  sipmobility.handover.router_state:
    running_config: "{{ lookup('ansible.builtin.file', 'rb.cfg') }}"
    platform: ios
    state: parsed

# File rb.cfg
# -----------
#
# ip nat inside source static 198.51.100.10 203.0.113.20 route-map \
#     SIPMOBILITY-198.51.100.10-203.0.113.20 reversible extendable no-alias no-payload
# ip route 198.51.100.10 255.255.255.255 GigabitEthernet1 203.0.113.20 name sipmobility tag 7082
# ip access-list extended SIPMOBILITY-198.51.100.10-203.0.113.20
#  permit ip host 198.51.100.10 host 198.18.3.30
# route-map SIPMOBILITY-198.51.100.10-203.0.113.20 permit 10
#  match ip address SIPMOBILITY-198.51.100.10-203.0.113.20
# event manager environment sipmobility_id_c612031e_cb007114 inbound_dst 198.18.3.30 203.0.113.20 to \
#     198.51.100.10 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both
# event manager environment sipmobility_os_c633640a_c612031e outbound_src 198.51.100.10 198.18.3.30 to \
#     203.0.113.20 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500030 n=1 d=both
# event manager environment sipmobility_rt_c633640a_any route 198.51.100.10 any to 203.0.113.20 dev \
#     GigabitEthernet1 sipmobility:1 id=8d7ac21f98194017 e=2 x=1795500060 n=1 d=both

# Task output
# -----------
#
# changed: false
# parsed:
#   - type: rewrite
#     kind: inbound_dst
#     match: {source: 198.18.3.30, destination: 203.0.113.20}
#     to: 198.51.100.10
#     handover: 8d7ac21f98194017
#     epoch: 2
#     expires: '2026-11-24T06:01:00Z'
#     directions: both
#     flows: 1
#     ended: false
#   - type: rewrite
#     kind: outbound_src
#     match: {source: 198.51.100.10, destination: 198.18.3.30}
#     to: 203.0.113.20
#     handover: 8d7ac21f98194017
#     epoch: 2
#     expires: '2026-11-24T06:00:30Z'
#     directions: both
#     flows: 1
#     ended: false
#   - type: route
#     destination: 198.51.100.10
#     via: 203.0.113.20
#     interface: GigabitEthernet1
#     handover: 8d7ac21f98194017
#     epoch: 2
#     expires: '2026-11-24T06:01:00Z'
#     directions: both
#     flows: 1
#     ended: false
"""

RETURN = r"""
before:
  description: What the router held for us.
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted), up to 100 entries
  type: list
  elements: dict
  contains:
    type:
      description: V(rewrite), V(mark), V(route), V(neighbour) or V(freeze).
      type: str
      returned: success
    kind:
      description: With C(type=rewrite), V(inbound_dst), V(inbound_src), V(outbound_dst) or V(outbound_src).
      type: str
      returned: for a rewrite
    match:
      description: >-
        The packets, as they are on the wire when the router looks at them, by C(source), C(destination), C(protocol),
        C(source_port) and C(destination_port).
      type: dict
      returned: for a rewrite, a mark or a freeze
      sample:
        source: 3.3.3.3
        destination: 2.2.2.2
        protocol: tcp
        source_port: 7000
        destination_port: 40000
    to:
      description: The address that is put in.
      type: str
      returned: for a rewrite
      sample: 1.1.1.1
    destination:
      description: The old address that the route leads to.
      type: str
      returned: for a route
      sample: 1.1.1.1
    via:
      description: The new address, or V(null) where the router has lost the route.
      type: str
      returned: for a route
      sample: 2.2.2.2
    interface:
      description: The interface of a route or of a neighbour entry, or V(null).
      type: str
      returned: for a route or a neighbour
      sample: lan
    address:
      description: The address that the router answers for.
      type: str
      returned: for a neighbour
      sample: 1.1.1.1
    handover:
      description: The id of the handover; empty where the router no longer knows it.
      type: str
      returned: success
      sample: 8d7ac21f98194017
    epoch:
      description: Rises with each change of the handover.
      type: int
      returned: success
    expires:
      description: When the entry expires, in UTC.
      type: str
      returned: success
      sample: '2026-11-24T05:01:00Z'
    directions:
      description: V(forward) or V(both).
      type: str
      returned: success
    flows:
      description: How many sessions or correspondents the whole handover has.
      type: int
      returned: success
    ended:
      description: Whether the handover is about to end, and the entry with it.
      type: bool
      returned: success
after:
  description: What the router holds now; in check mode, what it would hold. As RV(before).
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted), up to 100 entries
  type: list
  elements: dict
before_count:
  description: The number of entries, in place of RV(before).
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted), from 101 entries on
  type: int
after_count:
  description: The number of entries, in place of RV(after).
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted), from 101 entries on
  type: int
commands:
  description: The lines that were sent, or would be in check mode; empty where nothing changes.
  returned: when O(state) is V(merged), V(replaced), V(overridden) or V(deleted), up to 100 changed entries
  type: list
  elements: str
gathered:
  description: What the router holds for us. As RV(before).
  returned: when O(state=gathered), without O(dest)
  type: list
  elements: dict
gathered_count:
  description: The number of entries that were written to O(dest).
  returned: when O(state=gathered), with O(dest)
  type: int
rendered:
  description: The text that puts the entries on an empty router.
  returned: when O(state=rendered)
  type: str
parsed:
  description: The entries that O(running_config) shows. As RV(before).
  returned: when O(state=parsed), without O(dest)
  type: list
  elements: dict
parsed_count:
  description: The number of entries that were written to O(dest).
  returned: when O(state=parsed), with O(dest)
  type: int
dest:
  description: The file that was written.
  returned: when O(state) is V(gathered) or V(parsed), with O(dest)
  type: str
code:
  description: What went wrong, a stable word.
  returned: failure
  type: str
  sample: router_not_prepared
subject:
  description: The input that broke the rule.
  returned: failure
  type: str
rule:
  description: The rule that it broke.
  returned: failure
  type: str
advice:
  description: What to do next; empty where nothing can be done.
  returned: failure
  type: str
"""
