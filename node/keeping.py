# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which old addresses are held, and until when: as long as a session lives that was opened with one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..plugins.module_utils.sip.grammar import Address
from .model import Sessions

__all__ = ["Change", "Keeping"]


@dataclass(frozen=True)
class Change:
    """What a look changes.

    :ivar keep: addresses that are to be held from now on.
    :ivar give_up: those that are no longer.
    :ivar ended: of these, those whose sessions are over.
    :ivar returned: whether the node has one of them again where addresses come from.
    """

    keep: tuple[Address, ...]
    give_up: tuple[Address, ...]
    ended: tuple[Address, ...]
    returned: bool


class Keeping:
    """The old addresses, oldest first.

    :param linger: seconds without a session after which an address is given up.
    """

    def __init__(self, kept: Iterable[Address], linger: float) -> None:
        self._linger = linger
        #: Since when there is no session; None where there is one.
        self._empty: dict[Address, float | None] = dict.fromkeys(kept)

    @property
    def kept(self) -> tuple[Address, ...]:
        return tuple(self._empty)

    def look(self, left: Address | None, here: Address | None, sessions: Sessions, now: float) -> Change:
        """Compare with what there is now.

        :param left: the address that the node had last; it may be the same as ``here``, where it is now.
        """
        keep, ended = [], []
        if left is not None and left != here and left not in self._empty and sessions.get(left):
            self._empty[left] = None
            keep.append(left)
        returned = here in self._empty
        if here is not None:
            self._empty.pop(here, None)
        for address, since in list(self._empty.items()):
            if sessions.get(address):
                self._empty[address] = None
            elif since is None:
                self._empty[address] = now
            elif now - since >= self._linger:
                del self._empty[address]
                ended.append(address)
        back = (here,) if returned and here is not None else ()
        return Change(tuple(keep), (*back, *ended), tuple(ended), returned)

    def drop(self) -> tuple[Address, ...]:
        """Hold nothing any more."""
        kept = self.kept
        self._empty.clear()
        return kept
