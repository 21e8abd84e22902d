# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variable bindings (RFC 3416) as lines of text, ``OID TYPE VALUE``, with the types of net-snmp's snmpset.

In a step, an interface's name in brackets stands for its ifIndex, lines that begin with # are remarks, and an empty
line ends what must go in one PDU.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, List, NamedTuple

from ..errors import HandoverError

__all__ = ["MOST", "Varbind", "blocks_of", "packed", "resolved", "varbinds_of"]

#: Variable bindings of one PDU, at most: some 4,000 octets. An agent that takes fewer says tooBig.
MOST = 120

_LINE = re.compile(r"(\d+(?:\.(?:\d+|\[[^]\s]+\]))+) ([iuxsa])(?: (\S*))?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}|\[[^]\s]+\]", re.ASCII)
_NAME = re.compile(r"\[([^]\s]+)\]")


class Varbind(NamedTuple):
    """One of them.

    :ivar oid: in digits, without a leading dot.
    :ivar kind: ``i`` Integer32, ``u`` Unsigned32, ``x`` octets in hexadecimal digits, ``s`` octets in ASCII,
        ``a`` an IpAddress.
    """

    oid: str
    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.oid} {self.kind} {self.value}"

    @property
    def octets(self) -> bytes:
        """The value of a string."""
        return bytes.fromhex(self.value) if self.kind == "x" else self.value.encode("ascii")


def varbinds_of(text: str) -> List[Varbind]:
    """The variable bindings in a text.

    :raises HandoverError: ``bad_varbind``.
    """
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or (match[2] in "iu" and _NUMBER.fullmatch(match[3] or "") is None):
            raise HandoverError(
                "bad_varbind", line, "a variable binding is OID TYPE VALUE, with one of the types i, u, x, s and a"
            )
        found.append(Varbind(match[1], match[2], match[3] or ""))
    return found


def blocks_of(text: str) -> List[List[Varbind]]:
    """What must stay together, block by block; errors as :func:`varbinds_of`."""
    return [block for block in map(varbinds_of, re.split(r"\n[ \t]*\n", text)) if block]


def resolved(varbind: Varbind, index: Callable[[str], int]) -> Varbind:
    """With numbers for the names of interfaces.

    :param index: the ifIndex of an interface.
    """
    oid = _NAME.sub(lambda found: str(index(found[1])), varbind.oid)
    value = varbind.value
    if varbind.kind == "i":
        value = _NAME.sub(lambda found: str(index(found[1])), value)
    return Varbind(oid, varbind.kind, value)


def packed(blocks: Iterable[List[Varbind]], most: int = MOST) -> List[List[List[Varbind]]]:
    """The blocks, PDU by PDU: as few as hold them, none torn."""
    pdus: List[List[List[Varbind]]] = []
    room = 0
    for block in blocks:
        if len(block) > room:
            pdus.append([])
            room = most
        pdus[-1].append(block)
        room -= len(block)
    return pdus
