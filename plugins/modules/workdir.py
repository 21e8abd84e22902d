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
  - Makes a directory on the controller that nobody else can read, for what routers hold and for the plan. The
    playbooks of this collection use it.
  - It lies in Ansible's own temporary directory (C(local_tmp)), which goes when the run ends, well or badly.
  - Like C(ansible.builtin.tempfile), but it starts no process for that, in check mode neither, and never counts as a
    change.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
attributes:
  check_mode:
    support: full
    details: The directory is made in check mode, too; no router is reached.
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
    description: The controller.
options: {}
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
# path: /home/me/.ansible/tmp/ansible-local-4711x3mz7a/handover-0bbx3mz7
"""

RETURN = r"""
path:
  description: The directory.
  returned: success
  type: str
  sample: /home/me/.ansible/tmp/ansible-local-4711x3mz7a/handover-0bbx3mz7
code:
  description: Why it failed, as a stable word.
  returned: failure
  type: str
  sample: unwritable_file
"""
