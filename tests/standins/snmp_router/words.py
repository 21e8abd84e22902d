# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What snmpd and the agent behind it must both know."""

from __future__ import annotations

#: The community under which snmpd passes questions on, over the loopback of a private namespace.
COMMUNITY = "stand-in"
