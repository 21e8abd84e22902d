# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our modules can do, in words that they share. Each module says how far it goes."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes check_mode, diff_mode and platform, and what is so for every action plugin of ours."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and predict the changed status without changing anything.
  diff_mode:
    description: Returns what has changed, or would change in check mode, when in diff mode.
  platform:
    description: What the module can work on.
"""

    CONTROLLER = r"""
options: {}
attributes:
  action:
    support: full
    description: The work is done by an action plugin on the controller.
  async:
    support: none
    description: Supports the C(async) keyword.
"""
