# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""natAddrMapTable as RFC 4008 has it, for static rows of single addresses: what a SET makes of it, or why not.

Read from the MIB, with nothing of the collection's own code, so that writer and reader check each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

__all__ = ["ENTRY", "Refused", "Table", "changed", "objects"]

ENTRY = (1, 3, 6, 1, 2, 1, 123, 1, 4, 1)
NAME, STATUS = 2, 21
#: Columns that can be written, and their types: a number or octets.
WRITABLE: Mapping[int, type] = {
    **{2: bytes, 3: int, 4: bytes, 5: int, 6: bytes, 7: bytes, 8: int, 9: int},
    **{10: int, 11: bytes, 12: bytes, 13: int, 14: int, 15: bytes, 20: int, 21: int},
}
#: What a row is made of, at least, and what the others are when nobody says.
NEEDED = frozenset((2, 3, 4, 5, 6, 7, 10, 11, 12))
DEFAULTS: Mapping[int, int | bytes] = {8: 0, 9: 0, 13: 0, 14: 0, 15: b"\xf0", 20: 3}
ACTIVE, CREATE_AND_GO, DESTROY = 1, 4, 6

Oid = tuple[int, ...]
Row = Mapping[int, "int | bytes"]
#: Rows by ifIndex and natAddrMapIndex.
Table = Mapping["tuple[int, int]", Row]


class Refused(Exception):
    """A SET that is not done.

    :ivar status: RFC 3416's name of the error-status.
    :ivar place: which variable binding it is about, from 1.
    """

    def __init__(self, status: str, place: int) -> None:
        super().__init__(status, place)
        self.status = status
        self.place = place


def changed(
    table: Table, varbinds: Sequence[tuple[Oid, int | bytes]], links: Iterable[int], one_name: bool = False
) -> dict[tuple[int, int], Row]:
    """The table after a SET, whose parts happen at once (RFC 3416 section 4.2.5).

    :param links: the ifIndexes that there are.
    :param one_name: hold to the letter that all rows of an interface have one name.
    """
    given: dict[tuple[int, int], dict[int, int | bytes]] = {}
    places: dict[tuple[int, int], int] = {}
    for place, (oid, value) in enumerate(varbinds, 1):
        column, index = _column(oid, place)
        _typed(column, value, place)
        if index[0] not in links:
            raise Refused("inconsistentName", place)
        if index in table and column != STATUS:
            raise Refused("inconsistentValue", place)  # active rows may not be modified
        given.setdefault(index, {})[column] = value
        if column == STATUS or index not in places:
            places[index] = place
    after = dict(table)
    for index, row in given.items():
        status, place = row.get(STATUS), places[index]
        if status == DESTROY:
            after.pop(index, None)
        elif status != CREATE_AND_GO or index in table or not NEEDED <= set(row):
            raise Refused("inconsistentValue", place)
        else:
            after[index] = _made(row, place)
    for index in given:
        _agrees(after, index, one_name, places[index])
    return after


def objects(table: Table) -> list[tuple[Oid, int | bytes]]:
    """All that a walk shows, in its order."""
    found = [((*ENTRY, column, *index), value) for index, row in table.items() for column, value in row.items()]
    return sorted(found, key=lambda item: item[0])


def _column(oid: Oid, place: int) -> tuple[int, tuple[int, int]]:
    if oid[: len(ENTRY)] != ENTRY or len(oid) != len(ENTRY) + 3 or oid[-1] == 0:
        raise Refused("noCreation", place)
    column, link, number = oid[len(ENTRY) :]
    if column not in WRITABLE:
        raise Refused("notWritable", place)
    return column, (link, number)


def _typed(column: int, value: int | bytes, place: int) -> None:
    if not isinstance(value, WRITABLE[column]):
        raise Refused("wrongType", place)
    if column == NAME and isinstance(value, bytes) and not 1 <= len(value) <= 32:
        raise Refused("wrongLength", place)
    if column == STATUS and value not in (CREATE_AND_GO, DESTROY):
        raise Refused("wrongValue", place)


def _made(row: Row, place: int) -> Row:
    made = {**DEFAULTS, **row, STATUS: ACTIVE}
    if made[3] != 1:
        raise Refused("wrongValue", place)  # dynamic maps are not served
    for kind, start, end in ((5, 6, 7), (10, 11, 12)):
        one, other = made[start], made[end]
        if made[kind] not in (1, 2) or one != other or not isinstance(one, bytes):
            raise Refused("inconsistentValue", place)
        if len(one) != (4 if made[kind] == 1 else 16) or made[5] != made[10]:
            raise Refused("inconsistentValue", place)
    return made


def _agrees(table: Table, index: tuple[int, int], one_name: bool, place: int) -> None:
    row = table.get(index)
    for other, held in table.items() if row is not None else ():
        if row is None or other == index or other[0] != index[0]:
            continue
        if one_name and held[NAME] != row[NAME]:
            raise Refused("inconsistentValue", place)
        both = bytes(one & two for one, two in zip(bytes(held[4]), bytes(row[4]), strict=False))
        seen = 11 if any(both) and both[0] & 0xA0 else 6  # inbound packets are seen by their global address
        if any(both) and held[seen] == row[seen]:
            raise Refused("inconsistentValue", place)


def rewrites(table: Table) -> list[tuple[int, str, str, str, str]]:
    """What the rows do to packets: ifIndex, ``in`` or ``out``, saddr or daddr, what it is, what it becomes."""
    found = []
    for (link, _number), row in sorted(table.items()):
        bits = bytes(row[4])[:1] or b"\0"
        local, outer = (str(ip_address(bytes(row[column]))) for column in (6, 11))
        for bit, way, end in (
            (0x80, "in", "saddr"),
            (0x40, "out", "daddr"),
            (0x20, "in", "daddr"),
            (0x10, "out", "saddr"),
        ):
            if bits[0] & bit:
                found.append((link, way, end, *((local, outer) if way == "out" else (outer, local))))
    return found
