# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router is to us, whatever the transport: something that is read, and changed in one transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Output
from .sections import sections

__all__ = ["Device"]


class Device(ABC):
    """One way to a router. Its errors name the router; what it means by them is the platform's to say."""

    @abstractmethod
    def text(self, change: Change, now: float) -> str:
        """The text that makes a change.

        :param now: Unix seconds; timeouts count from here.
        :raises HandoverError: ``unsupported_entry``, ``expired``, ``bad_template``.
        """

    @abstractmethod
    def read(self) -> Output:
        """What the router holds for us, as its platform parses it.

        :raises HandoverError: when it cannot be reached.
        """

    def printed(self, text: str) -> Output:
        """What :meth:`read` printed, kept from an earlier run.

        :raises HandoverError: ``script_cut``.
        """
        return sections(text)

    @abstractmethod
    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        """Make a change and read the router.

        :param hold: leave encoders unconfirmed until :meth:`settle` or :meth:`release`, where the router can.
        :returns: as :meth:`read`; where the router refused, its words in section ``step``, with a status.
        :raises HandoverError: when it cannot be reached, or somebody else has its lock.
        """

    def change_unread(self, change: Change, known: str, now: float) -> Output | None:
        """Make a change if the router is still of the generation ``known``, and do not read it.

        :returns: None, with nothing done, where it is of another one, or has none. Otherwise its words in section
            ``step``, with a status where it refused, and its generation now in section ``after``.
        """
        return None

    def close(self) -> None:
        """Give back what was opened to reach the router; it is opened again when it is used again."""
        return

    @property
    def held(self) -> bool:
        """Whether a change waits for its confirmation."""
        return False

    @property
    def receipt(self) -> Mapping[str, str]:
        """What another process needs to :meth:`resume` what is held here; empty where it cannot."""
        return MappingProxyType({})

    def resume(self, receipt: Mapping[str, str]) -> None:
        """Take over what another process holds, to settle or release it.

        :raises HandoverError: ``session_lost`` where the router has taken it back since.
        """
        raise HandoverError("session_lost", "nothing", "what is to be confirmed is held by the router")

    def settle(self) -> None:
        """Confirm what is held, if anything is.

        :raises HandoverError: ``session_lost``, or what the router says; it takes it back then.
        """
        return

    def release(self) -> None:
        """Have what is held, if anything is, taken back at once.

        :raises HandoverError: as :meth:`settle`; the router takes it back by itself a little later.
        """
        return
