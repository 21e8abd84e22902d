# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the command line of a Cisco IOS router, written from documentation. It is NOT Cisco software.

Without any line of the collection: what the collection believes about IOS is written here a second time, so that a
slip in one shows against the other. A belief that both share and IOS does not, no test here can find.
"""
