# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The static NAT of one IOS device: read it, change it, read it back."""

from __future__ import annotations

from ...module_utils.errors import HandoverError
from ...module_utils.platforms.ios.complaints import diagnosed, message_in
from ...module_utils.platforms.ios.static_nat_change import NatChange, difference, unfinished
from ...module_utils.platforms.ios.static_nat_text import Configuration, parse_configuration
from .command_line import CommandLine
from .static_nat_lines import StaticNatLines

__all__ = ["StaticNatRouter"]


class StaticNatRouter:
    """A device, reached by its command line.

    :param name: its inventory name, for the errors.
    """

    def __init__(self, name: str, lines: StaticNatLines, device: CommandLine) -> None:
        self._name = name
        self._lines = lines
        self._device = device

    def gather(self) -> Configuration:
        """The static NAT that the device has.

        :raises HandoverError: ``device_unreachable``.
        """
        return parse_configuration(self._device.running(self._lines.pipe))

    def apply(self, change: NatChange, before: Configuration, forced: bool) -> Configuration:
        """Make a change and read the device back; restore ``before`` where it did not become what was asked.

        :param forced: whether an entry goes although live sessions use it.
        :returns: what the device has after it.
        :raises HandoverError: with the line and what IOS said to it; its advice tells how the device stands.
        """
        sent = self._lines.changing(change, forced)
        try:
            said = self._device.configure(sent, forced)
            after = self.gather()
        except HandoverError as lost:
            stands = "How the device stands is not known: run the task again."
            raise HandoverError(lost.code, lost.subject, lost.rule, f"{lost.advice} {stands}".strip()) from lost
        missing = {entry.key for entry in unfinished(change, after.entries)}
        if not missing:
            return after
        concerned = [line for entry, line in zip(change, sent, strict=True) if entry.key in missing]
        # A removal that was refused explains why the new line was refused as well, and not the other way round.
        line = next((line for line in concerned if message_in(said.get(line, ""))), concerned[0])
        error = diagnosed(self._name, line, said.get(line, ""))
        # What somebody else changed meanwhile is not put back.
        touched = {entry.key for entry in change}
        sides = (tuple(entry for entry in side.entries if entry.key in touched) for side in (after, before))
        stands = self._put_back(difference(*sides))
        raise HandoverError(error.code, error.subject, error.rule, " ".join(filter(None, [error.advice, stands])))

    def _put_back(self, back: NatChange) -> str:
        if not back:
            return "The device is unchanged."
        try:
            # Sessions of an entry that was put a moment ago are none to be spared.
            self._device.configure(self._lines.changing(back, forced=True), True)
            rest = self._lines.of(unfinished(back, self.gather().entries))
        except HandoverError as error:  # what went wrong first is told first
            rest = [str(error)]
        return f"The device is NOT as before: {'; '.join(rest)}" if rest else "The device was put back as it was."
