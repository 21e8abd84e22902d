# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: connections_info
short_description: List the connections that a router tracks for old addresses
version_added: 0.1.0
description:
  - Reads the connection table of a Linux router (C(conntrack), or C(/proc/net/nf_conntrack) where that is missing) and
    returns the TCP, UDP, SCTP, UDP-Lite and DCCP connections that have one of the given addresses at an end.
  - Rows of other hosts are filtered out on the router. They neither travel nor are kept.
  - Each connection has the tuple of its first packet and that of its answer, which differ where the router translates
    addresses. M(sipmobility.handover.plan_handover) makes sessions of them with
    O(sipmobility.handover.plan_handover#module:sessions=auto).
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
attributes:
  check_mode:
    support: full
    details: The module only reads the router. With O(dest) it writes its file in check mode, too.
  diff_mode:
    support: N/A
    details: The module changes no router.
  platform:
    support: full
    platforms: posix
    description: Linux routers with connection tracking, a POSIX shell and C(awk).
options:
  addresses:
    description:
      - The addresses, IPv4 or IPv6, that the connections were opened with. After a move these are the old ones.
      - Exactly one of O(addresses) and O(src) is required.
    type: list
    elements: str
  src:
    description:
      - A JSON file on the controller with a list of handovers, whose C(old) addresses are asked for.
      - Exactly one of O(addresses) and O(src) is required.
    type: path
  dest:
    description:
      - A file on the controller for the connections, instead of RV(connections). Use it for many.
    type: path
  template_dir:
    description:
      - A directory on the controller whose templates replace those of the collection, file by file; here
        C(linux/connections.sh.j2).
    type: path
notes:
  - The work runs on the controller and reaches the router through its Ansible connection. The router needs no Python,
    and the login must become root.
  - Of one address a router sends at most 1000 connections that carry traffic, and as many that do not; RV(left_out)
    counts the others.
seealso:
  - module: sipmobility.handover.plan_handover
  - module: sipmobility.handover.active_sessions_info
"""

EXAMPLES = r"""
- name: List what the routers know of a phone's old address
  sipmobility.handover.connections_info:
    addresses: [1.1.1.1]
  register: known

# Task output
# -----------
# changed: false
# connections:
#   - answer_destination: 1.1.1.1
#     answer_destination_port: 40000
#     answer_source: 3.3.3.3
#     answer_source_port: 7000
#     destination: 3.3.3.3
#     destination_port: 7000
#     protocol: tcp
#     source: 1.1.1.1
#     source_port: 40000
#     standing: live
# left_out: 0
# skipped: {}
# tracked: 1

- name: Ask for the old addresses of many handovers
  sipmobility.handover.connections_info:
    src: /var/tmp/handover/handovers.json
    dest: "/var/tmp/handover/connections/{{ inventory_hostname }}.json"
"""

RETURN = r"""
connections:
  description: The connections, each once.
  returned: success, without O(dest)
  type: list
  elements: dict
  contains:
    protocol:
      description: V(tcp), V(udp), V(sctp), V(udplite) or V(dccp).
      type: str
      returned: success
    source:
      description: The source address of the first packet.
      type: str
      returned: success
    source_port:
      description: Its source port.
      type: int
      returned: success
    destination:
      description: Its destination address.
      type: str
      returned: success
    destination_port:
      description: Its destination port.
      type: int
      returned: success
    answer_source:
      description: The source address of the answer, as the router receives it.
      type: str
      returned: success
    answer_source_port:
      description: Its source port.
      type: int
      returned: success
    answer_destination:
      description: The destination address of the answer, as the router receives it.
      type: str
      returned: success
    answer_destination_port:
      description: Its destination port.
      type: int
      returned: success
    standing:
      description: V(live), V(one_way) (no answer was seen), V(opening) or V(over).
      type: str
      returned: success
connections_count:
  description: How many connections were written.
  returned: success, with O(dest)
  type: int
dest:
  description: The file that was written.
  returned: success, with O(dest)
  type: str
skipped:
  description: How many rows were not read, by the reason.
  returned: success
  type: dict
left_out:
  description: How many rows of these addresses the router did not send, because there were too many.
  returned: success
  type: int
tracked:
  description: How many rows the whole table has. V(0) may mean that the router tracks nothing.
  returned: success
  type: int
code:
  description: What went wrong, a stable word.
  returned: failure
  type: str
  sample: connections_unknown
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
