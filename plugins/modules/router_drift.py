# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: router_drift
short_description: Tell where one first-hop router differs from what it should hold
version_added: 0.1.0
description:
  - Compares what a router of the platform C(nftables) holds of ours with its own record, which every step extends
    (C(/var/lib/sipmobility)), and with what the role P(sipmobility.handover.first_hop_router#role) made of it. Tells
    entries that are missing, changed, foreign or unrecorded, routes that are gone, and a static table, rule, sysctl or
    file that is not as the role left it. Repairs nothing.
  - First a probe, whose cost does not depend on how much the router holds. It compares the generation of nftables, the
    number of routes, the rules, the sysctls and the files with those at which the router was last found whole, which
    it remembers until it boots (O(whole)). Wherever they are not all the same, or the router cannot tell, everything
    is read.
  - The probe does not notice an element that expired (the kernel takes it away without a word; encoders and decoders
    do so by their own expiry), and an IPv4 route of ours that somebody replaced by another. It takes any change of
    nftables, also by others in their own tables, as a reason to read everything.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
attributes:
  check_mode:
    support: full
    details: Looking changes nothing. What O(whole) names is not remembered in check mode.
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
    description: Routers of the platform C(nftables). Of another platform it says that it cannot compare.
options:
  routers:
    description:
      - All routers that handovers are planned over. A router that was found whole is so only while the inventory tells
        the same of all of them.
    type: list
    elements: str
    default: []
  probe:
    description: Whether the probe may suffice. With V(false) everything is read.
    type: bool
    default: true
  whole:
    description:
      - The RV(fingerprint) of an earlier look, which the caller found whole. The router remembers it, and nothing is
        looked at.
    type: str
  platform:
    description: Platform of the router. Default is the host's C(handover_platform).
    type: str
  template_dir:
    description: A directory on the controller with templates that replace ours, file by file.
    type: path
seealso:
  - module: sipmobility.handover.router_state
"""

EXAMPLES = r"""
- name: Look for drift
  sipmobility.handover.router_drift:
    routers: "{{ ansible_play_hosts_all }}"
  register: handover_drift

- name: Everything was as it should be
  sipmobility.handover.router_drift:
    routers: "{{ ansible_play_hosts_all }}"
    whole: "{{ handover_drift.fingerprint }}"
  when: handover_drift.read == "full" and handover_drift.differences_count == 0
"""

RETURN = r"""
changed:
  description: Whether the router differs from what it should hold.
  type: bool
  returned: always
compared:
  description: Whether this platform's routers can be compared.
  type: bool
  returned: unless O(whole) is given
read:
  description: V(probe) where the probe sufficed, V(full) where everything was read.
  type: str
  returned: unless O(whole) is given
reason:
  description: Why the probe sufficed, or did not.
  type: str
  returned: unless O(whole) is given
  sample: something was changed since it was last found whole
fingerprint:
  description: What the router looked like; empty where it cannot tell.
  type: str
  returned: for nftables, unless O(whole) is given
differences:
  description:
    - What is not as it should be, 10000 things at most. C(kind) is V(missing), V(changed), V(foreign) (under our name
      without our stamp), V(unrecorded) (with our stamp, but no step put it), V(static) or V(unreadable); C(should) and
      C(stands) are words for what should stand and what stands.
  type: list
  elements: dict
  returned: unless O(whole) is given
  sample:
    - kind: missing
      should: inbound_dst tcp 3.3.3.3:7000 > 2.2.2.2:40000 to 1.1.1.1 (handover 5ff34c213679c18f, epoch 1)
      stands: ""
differences_count:
  description: How many things are not as they should be.
  type: int
  returned: for nftables, unless O(whole) is given
"""
