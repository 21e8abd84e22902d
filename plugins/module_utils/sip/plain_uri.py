# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as nearly all phones write them, for patterns that read whole headers.

Narrower than :mod:`.uri` and :mod:`.name_addr`: no escape, no password, no headers behind the URI, no space where
few write one. What these patterns take means what it means there; what they don't take is read or refused there.

What may be missing is written ``(?:X|)``. It matches as ``(?:X)?`` does, and takes half the time: ``re`` keeps a
record of each repetition, of an alternative none.
"""

from __future__ import annotations

from .grammar import QUOTED, TOKEN

__all__ = ["DISPLAY", "HOST", "MAX_PLAIN", "PORT", "URI_BEGIN", "URI_END", "URI_PARAM", "URI_PARAMS"]

#: Longest text that is tried.
MAX_PLAIN = 4096

#: A display name, or none.
DISPLAY = rf"(?:{QUOTED}[ \t]*|[{TOKEN}][{TOKEN} \t]*|)"
#: Scheme and user, in front of the host.
URI_BEGIN = r"[sS][iI][pP][sS]?:(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]+@|)"
#: A host, which :func:`.uri.plain_host` has to look at.
HOST = r"\[[0-9A-Fa-f:.]{2,64}\]|[A-Za-z0-9.\-]{1,128}"
#: From 1 to 64999.
PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
#: Characters of a URI parameter, for use inside a character class.
URI_PARAM = r"A-Za-z0-9\-_.!~*'()\[\]/:&+$"
#: One parameter or none: nothing can stand twice.
URI_PARAMS = rf"(?:;[{URI_PARAM}]+(?:=[{URI_PARAM}]+|)|)"
#: What may follow the host: port, one parameter.
URI_END = rf"(?::(?:{PORT})|){URI_PARAMS}"
