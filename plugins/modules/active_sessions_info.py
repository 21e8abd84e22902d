# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: active_sessions_info
short_description: List a mobile node's sessions that are bound to given addresses
version_added: 0.1.0
description:
  - Lists the TCP connections and the connected UDP sockets of a Linux host whose local address is one of those given,
    as the C(sessions) of a handover.
  - UDP sockets that are not connected have no peer that the host could tell; those sessions must come from elsewhere.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
attributes:
  check_mode:
    support: full
    details: The module only reads.
  diff_mode:
    support: N/A
    details: The module changes nothing.
  platform:
    support: full
    platforms: posix
    description: Linux hosts with C(ss) (iproute2).
options:
  addresses:
    description:
      - The addresses, IPv4 or IPv6, that the sessions were opened with. After a move these are the old ones.
    type: list
    elements: str
    required: true
notes:
  - The work runs on the controller and reaches the host through its Ansible connection. The host needs no Python,
    only a POSIX shell and C(ss).
seealso:
  - module: sipmobility.handover.plan_handover
  - plugin: sipmobility.handover.handovers
    plugin_type: filter
"""

EXAMPLES = r"""
- name: List the phone's sessions on its old address
  sipmobility.handover.active_sessions_info:
    addresses: [1.1.1.1]
  delegate_to: phone
  register: found

# Task output
# -----------
# changed: false
# sessions:
#   - {protocol: tcp, port: 40000, correspondent: 3.3.3.3, correspondent_port: 7000}
# by_address:
#   1.1.1.1:
#     - {protocol: tcp, port: 40000, correspondent: 3.3.3.3, correspondent_port: 7000}

- name: Make handovers of address pairs, for these sessions
  ansible.builtin.set_fact:
    records: "{{ pairs | sipmobility.handover.handovers(sessions=found.by_address) }}"
"""

RETURN = r"""
sessions:
  description: The sessions, as the handover's C(sessions) wants them.
  returned: success
  type: list
  elements: dict
  contains:
    protocol:
      description: V(tcp) or V(udp).
      type: str
      returned: success
    port:
      description: The port of the mobile node.
      type: int
      returned: success
      sample: 40000
    correspondent:
      description: The address of the correspondent node, as the mobile node sees it.
      type: str
      returned: success
      sample: 3.3.3.3
    correspondent_port:
      description: The port of the correspondent node.
      type: int
      returned: success
      sample: 7000
by_address:
  description: The same sessions by the address of O(addresses) that they are bound to, which may have none.
  returned: success
  type: dict
  sample:
    1.1.1.1:
      - {protocol: tcp, port: 40000, correspondent: 3.3.3.3, correspondent_port: 7000}
code:
  description: What went wrong, a stable word.
  returned: failure
  type: str
  sample: sessions_unknown
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
