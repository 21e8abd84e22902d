# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a Juniper SRX on the loopback. It is **not** Junos OS.

It keeps a candidate and a running configuration as RFC 6241 and Juniper say (lock, edit, commit, confirmed
commit of version 1.0, rollback), refuses statements that are not in its list, which was written by hand while reading
Juniper's YANG (junos-es-conf-security of 18.2R3), and decides on packets by their sessions as an SRX is documented to.
"""
