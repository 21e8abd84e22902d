# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One router: read what it holds, change it in one transaction, read it back."""

from __future__ import annotations

from collections.abc import Mapping

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.change import difference, unfinished
from ..module_utils.mobility.model import Change
from ..module_utils.mobility.router_state import RouterState
from ..module_utils.platforms.base import Output, Platform
from .device import Device

__all__ = ["ManagedRouter"]


class ManagedRouter:
    """A router of a platform.

    :param name: its inventory name, for the errors.
    """

    def __init__(self, name: str, platform: Platform, device: Device) -> None:
        self._name = name
        self._platform = platform
        self._device = device
        self._generation = ""

    @property
    def suffix(self) -> str:
        """What a file with the text of a change is called at its end: ``sh``, ``xml``."""
        return self._platform.step_template.split(".")[-2]

    @property
    def generation(self) -> str:
        """What the router said of its generation when it was last read or changed; empty where that is not known.

        While it stays the same, nobody has changed nftables there. Elements that expire do not change it.
        """
        return self._generation

    def gather(self) -> RouterState:
        """What the router holds for us.

        :raises HandoverError: when it cannot be reached, is not prepared, or holds what is not ours.
        """
        return self._parsed(self._device.read())

    def apply(self, change: Change, before: RouterState, now: float, hold: bool = False) -> RouterState:
        """Make a change, read the router back, and restore ``before`` where it did not become what was asked.

        :param now: Unix seconds; timeouts count from here.
        :param hold: leave encoders unconfirmed until :meth:`settle` or :meth:`release`, where the router can.
        :returns: what the router holds after it.
        :raises HandoverError: naming router and cause; ``restored`` in its advice tells how the router stands.
        """
        return self._settled(change, before, self._device.change(change, now, hold), now)

    def apply_unread(self, change: Change, known: str, now: float) -> bool:
        """Make a change without reading the router, provided that it is still of the generation ``known``.

        The kernel acknowledged the transaction, and no other came in between: then the router holds what it held,
        and the change. Only where that is in doubt it is read in full, as by :meth:`apply`.

        :param known: the router's generation when it held what the change takes away, and not what it puts.
        :returns: False, with nothing done, where the router is of another generation.
        :raises HandoverError: as :meth:`apply`.
        """
        if self._platform.generation is None:
            return False
        return self.settle_unread(change, known, self._device.change_unread(change, known, now), now)

    def acknowledged(self, change: Change, known: str, output: Output) -> bool:
        """Whether a router that was not read says that it made a change, and nobody else one; its word is noted."""
        generation, after = self._platform.generation, output.sections.get("after", "").strip()
        if generation is None or "step" in output.status or not after:
            return False
        if after != _later(known, generation.commits(change)):
            return False
        self._generation = after
        return True

    def settle_unread(self, change: Change, known: str, output: Output | None, now: float) -> bool:
        """The end of :meth:`apply_unread`.

        :param output: what :meth:`Device.change_unread` returned.
        """
        if output is None:
            return False
        if self.acknowledged(change, known, output):
            return True
        read = self._device.read()
        status = {"step": output.status["step"]} if "step" in output.status else {}
        found = Output({**read.sections, "step": output.sections["step"]}, {**read.status, **status})
        self._settled(change, None, found, now)
        return True

    @property
    def forgets(self) -> bool:
        """Whether what it holds goes by itself when its time is over."""
        return self._platform.capabilities.expires

    def lasting(self, state: RouterState, now: float) -> RouterState:
        """What this router still holds of a state: on a platform without expiry all of it."""
        return state.live(now) if self.forgets else state

    def close(self) -> None:
        """Give back what was opened to reach the router; it is opened again when it is used again."""
        self._device.close()

    @property
    def held(self) -> bool:
        """Whether a change waits for its confirmation."""
        return self._device.held

    @property
    def receipt(self) -> Mapping[str, str]:
        """As :attr:`Device.receipt`."""
        return self._device.receipt

    def resume(self, receipt: Mapping[str, str]) -> None:
        """As :meth:`Device.resume`."""
        self._device.resume(receipt)

    def settle(self) -> None:
        """Confirm what is held; errors as :meth:`Device.settle`."""
        self._device.settle()

    def release(self) -> None:
        """Have what is held taken back at once; errors as :meth:`Device.release`."""
        self._device.release()

    def _settled(self, change: Change, before: RouterState | None, output: Output, now: float) -> RouterState:
        """What the router holds after a change; where it is not what was asked, it is put back."""
        failed = "step" in output.status
        error = self._platform.diagnose(self._name, output.sections.get("step", "")) if failed else None
        try:
            after = self._parsed(output)
        except HandoverError as unread:
            if error is None:
                raise
            stands = f"How the router stands is not known: run reconcile ({unread})."
            raise HandoverError(error.code, error.subject, error.rule, f"{error.advice} {stands}".strip()) from unread
        missing = None if failed else unfinished(change, after)
        if missing is not None:
            error = HandoverError(
                "not_read_back", f"{self._name}: {missing}", "the router shows what it was told, when read back"
            )
        if error is None:
            return after
        if before is None:
            before = after.changed((entry.key for entry in change.put), change.remove)
        raise self._restored(error, after, before, now)

    def _restored(self, error: HandoverError, after: RouterState, before: RouterState, now: float) -> HandoverError:
        """The error, with a word on how the router stands now."""
        # A remnant has no expiry that is known, and cannot be put: one that was there and still is stays.
        remnants = [entry for entry in before if not entry.stamp.handover and after.get(entry.key) == entry]
        back = difference(after, self.lasting(before, now).changed((), remnants))
        stands = self._put_back(back, now) if back else "The router is unchanged."
        return HandoverError(error.code, error.subject, error.rule, " ".join(filter(None, [error.advice, stands])))

    def _put_back(self, back: Change, now: float) -> str:
        try:
            rest = unfinished(back, self._parsed(self._device.change(back, now)))
        except HandoverError as error:  # what went wrong first is told first
            rest = str(error)
        return f"The router is NOT as before: run reconcile ({rest})." if rest else "The router was put back."

    def text(self, change: Change, now: float) -> str:
        """The text that makes a change.

        :raises HandoverError: ``unsupported_entry``, ``expired``, ``bad_template``.
        """
        return self._device.text(change, now)

    def parse(self, printed: str) -> RouterState:
        """The state in what the gathering script printed, kept from an earlier run.

        :raises HandoverError: as :meth:`gather`.
        """
        return self._parsed(self._device.printed(printed))

    def _parsed(self, output: Output) -> RouterState:
        said = [output.sections.get(name, "").strip() for name in ("generation", "still")]
        self._generation = said[0] if said[0] == said[1] else ""
        try:
            return self._platform.parse(output)
        except HandoverError as error:
            raise HandoverError(error.code, f"{self._name}: {error.subject}", error.rule, error.advice) from error


def _later(generation: str, commits: int) -> str:
    """The generation after so many transactions."""
    rest, _space, number = generation.rpartition(" ")
    return f"{rest} {int(number) + commits}" if number.isdecimal() else ""
