# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of a capture to the SIP messages in it: file, link, IP, UDP and TCP, one file each.

Every layer takes bytes that a stranger sent. None keeps more than a stated
amount, and what a layer cannot read is one :class:`~.packet.Fault` with the
number of its packet; the packets around it are still read.
"""

from __future__ import annotations
