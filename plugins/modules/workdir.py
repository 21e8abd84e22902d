# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workdir
short_description: A private directory on the controller for the files of one run
version_added: 0.1.0
description:
  - Makes a directory on the controller that nobody else can read, for what routers hold and for the plan, or removes
    it at the end. The playbooks of this collection use it.
  - Like C(ansible.builtin.tempfile) and C(ansible.builtin.file), but it starts no process for that, in check mode
    neither, and never counts as a change.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
attributes:
  check_mode:
    support: full
    details: The directory is made and removed in check mode, too; no router is reached.
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
    description: The controller.
options:
  state:
    description: Whether to make a new directory, or to remove the one at O(path) with all that is in it.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The directory to remove, as RV(path) told it. Its name ends with C(.handover).
      - Required with O(state=absent).
    type: path
notes:
  - Run it with C(run_once=true), C(delegate_to=localhost) and C(become=false).
seealso:
  - module: sipmobility.handover.plan_handover
"""

EXAMPLES = r"""
- name: Make room on the controller
  sipmobility.handover.workdir:
  register: handover_working
  run_once: true
  delegate_to: localhost
  connection: local
  become: false

# Task output
# -----------
# changed: false
# path: /tmp/tmp0bbx3mz7.handover

- name: Remove the working files
  sipmobility.handover.workdir:
    state: absent
    path: "{{ handover_working.path }}"
  run_once: true
  delegate_to: localhost
  connection: local
  become: false
"""

RETURN = r"""
path:
  description: The directory.
  returned: success
  type: str
  sample: /tmp/tmp0bbx3mz7.handover
code:
  description: Why it failed, as a stable word.
  returned: failure
  type: str
  sample: unwritable_file
"""
