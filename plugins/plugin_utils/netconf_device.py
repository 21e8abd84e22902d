# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One router over NETCONF: a step is one transaction, under the datastore's lock, read back before it is confirmed."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Protocol

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.change import unfinished
from ..module_utils.mobility.model import Change, Role
from ..module_utils.platforms.base import Output
from ..module_utils.platforms.netconf_platform import NetconfPlatform
from ..module_utils.platforms.netconf_reply import errors_of, lock_refused, reply_of
from .device import Device
from .rendering import Renderer
from .router import ManagedRouter
from .step_text import step_text

__all__ = ["CONFIRM_SECONDS", "NETCONF_PORT", "NetconfDevice", "NetconfSession", "Refused", "netconf_router"]

#: Seconds after which a router takes encoders back that nobody confirmed. Held ones wait for other routers' tasks.
CONFIRM_SECONDS = 60
#: RFC 6242.
NETCONF_PORT = 830

#: Seconds to wait before a lock that another session holds is asked for again; after the last it is refused. Most hold
#: it for one transaction, and nobody waits for the answer to an unlock: the next session may be there before it.
_LOCK_PAUSES = (0.1, 0.2, 0.4, 0.8)
_CAPABILITY = "urn:ietf:params:netconf:capability:"
_ENCODERS = (Role.ENCODER_DST, Role.ENCODER_SRC)
_DECODERS = (Role.DECODER,)


class NetconfSession(Protocol):
    """An open session with a server."""

    @property
    def number(self) -> str:
        """The number that the server gave it."""

    @property
    def capabilities(self) -> Set[str]:
        """What the server announced in its hello."""

    def requests(self, *operations: str) -> Sequence[str]:
        """Send operations without waiting in between where that can be had; the server's replies, errors included.

        A server carries them out one after the other (RFC 6241 section 4.5), also after one that it refused.

        :raises HandoverError: when the session is lost or the server does not answer in time.
        """

    def tell(self, operation: str) -> None:
        """Send one whose answer does not matter, and do not wait for it where that can be had; errors as above."""


class Refused(Exception):
    """The server's answer has errors."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


class NetconfDevice(Device):
    """A router with a NETCONF session.

    With a candidate datastore: lock, edit, commit, read back. Encoders are committed under confirmed-commit where
    the server has it, and confirmed once they were read back, so that a session that is lost in between leaves none.
    Decoders, harmless alone, are committed plainly. Without a candidate, running is edited under its lock with
    rollback-on-error.

    What is held is taken back at once when the session ends. There is no token by which another could confirm it
    (``persist``, RFC 6241 section 8.4): the lock goes with the session, and then a confirmation would also commit what
    somebody has put into the candidate since.

    :raises HandoverError: ``module_missing``, ``no_transaction``.
    """

    def __init__(self, name: str, platform: NetconfPlatform, renderer: Renderer, session: NetconfSession) -> None:
        self._name = name
        self._held = False
        self._session = session
        self._renderer = renderer
        self._platform = platform
        platform.requires(session.capabilities)
        #: Whether the server has a candidate datastore; otherwise running is edited.
        self.candidate = self._can("candidate:1.0")
        if not self.candidate and not (self._can("writable-running:1.0") and self._can("rollback-on-error:1.0")):
            raise HandoverError(
                "no_transaction",
                name,
                "a router has a candidate datastore, or a writable one with rollback-on-error (RFC 6241 section 8)",
                "Switch one of them on in the router's NETCONF server.",
            )

    def text(self, change: Change, now: float) -> str:
        return step_text(self._platform, self._renderer, change, now, target=self._target, rollback_on_error=self.whole)

    def printed(self, text: str) -> Output:
        return Output({"data": text}, {})

    def read(self) -> Output:
        return self.printed(self._answer(self._gathering))

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        step = self.text(change, now)
        try:
            with self._locked():
                self._ask(self._renewed(step, change, now))
                if not self.candidate:
                    return self.read()
                confirmed = self.confirms and _concerns(change, _ENCODERS)
                read = self._committed(CONFIRM_SECONDS if confirmed else 0)
                # Encoders of other routers come to rely on a decoder: one that goes with its encoder is not held.
                held = hold and not _concerns(change, _DECODERS)
                return self._confirmed(change, read, held) if confirmed else read
        except Refused as refused:
            return Output({**self.read().sections, "step": refused.answer}, {"step": 1})

    def _renewed(self, step: str, change: Change, now: float) -> str:
        """The text of a step, once the datastore is locked: where it depends on what stands, it is written anew."""
        return step

    def ask(self, template: str, **context: object) -> str:
        """What the server answers to an operation that changes nothing; it may refuse it.

        :param template: without its ending, for example ``netconf/modules``.
        :raises HandoverError: ``session_lost``.
        """
        return self._answer(self._text(template, **context))

    def edit(self, template: str, **context: object) -> str:
        """Make a change that no packet notices; its text.

        :raises HandoverError: where the server refuses it, or somebody else has its lock.
        """
        text = self._text(template, **context)
        self.send(text)
        return text

    def send(self, text: str) -> None:
        """As :meth:`edit`, with the text of the edit."""
        try:
            with self._locked():
                self._ask(text)
                if self.candidate:
                    self._ask(self._text("netconf/commit", confirm_seconds=0))
        except Refused as refused:
            raise self._platform.diagnose(self._name, refused.answer) from refused

    @property
    def held(self) -> bool:
        return self._held

    @property
    def receipt(self) -> Mapping[str, str]:
        return {"session": self._session.number} if self._held else {}

    def resume(self, receipt: Mapping[str, str]) -> None:
        if receipt["session"] != self._session.number:
            raise HandoverError(
                "session_lost",
                f"{self._name}: session {receipt['session']}, now {self._session.number}",
                "a NETCONF session lasts until its encoders are confirmed",
                "The router took them back when the session ended. Where it was idle for too long, raise "
                "ansible_persistent_connect_timeout.",
            )
        self._held = True

    def settle(self) -> None:
        self._finish("netconf/commit")

    def release(self) -> None:
        self._finish("netconf/cancel_commit")

    def _finish(self, operation: str) -> None:
        self._held = False
        try:
            self._ask(self._text(operation, confirm_seconds=0))
        except Refused as refused:
            raise self._platform.diagnose(self._name, refused.answer) from refused
        finally:
            self._tell(self._text("netconf/unlock"))

    def _committed(self, confirm_seconds: int) -> Output:
        """Commit the candidate; what running is then."""
        commit, shown = self._answers(self._text("netconf/commit", confirm_seconds=confirm_seconds), self._gathering)
        if not errors_of(reply_of(commit)):
            return self.printed(shown)
        if confirm_seconds:
            # netconfd, where a plug-in refuses, takes the commit back and goes on waiting for its confirmation.
            self._answer(self._text("netconf/cancel_commit"))
        raise Refused(commit)

    def _confirmed(self, change: Change, read: Output, hold: bool) -> Output:
        """Confirm a commit that became what was asked, or leave that to others; have anything else taken back."""
        try:
            missing = unfinished(change, self._platform.parse(read))
        except HandoverError:
            self._take_back()
            raise
        if missing is None and hold:
            self._held = True
            return read
        if missing is None:
            self._ask(self._text("netconf/commit", confirm_seconds=0))
            return read
        self._take_back()
        return self.read()

    def _take_back(self) -> None:
        """Have an unconfirmed commit taken back at once."""
        self._ask(self._text("netconf/cancel_commit"))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The datastore's lock, and a candidate without somebody's leftovers."""
        self._lock()
        try:
            try:
                yield
            except BaseException:  # an interrupt, too, leaves no half a step to whoever commits next
                if self.candidate:
                    self._ask(self._text("netconf/discard_changes"))
                raise
        finally:
            if not self._held:
                self._tell(self._text("netconf/unlock"))

    def _lock(self) -> None:
        operation = self._text("netconf/lock")
        errors = errors_of(reply_of(self._answer(operation)))
        for pause in _LOCK_PAUSES:
            if not any(error.tag == "lock-denied" for error in errors):  # RFC 6241 section 7.5
                break
            time.sleep(pause)
            errors = errors_of(reply_of(self._answer(operation)))
        if errors:
            raise lock_refused(self._name, errors)

    def _ask(self, operation: str) -> None:
        answer = self._answer(operation)
        if errors_of(reply_of(answer)):
            raise Refused(answer)

    def _answer(self, operation: str) -> str:
        return self._answers(operation)[0]

    def _answers(self, *operations: str) -> Sequence[str]:
        with self._naming():
            return self._session.requests(*operations)

    def _tell(self, operation: str) -> None:
        with self._naming():
            self._session.tell(operation)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except HandoverError as error:
            stands = f"Encoders that nobody confirmed are taken back within {CONFIRM_SECONDS} s. Then run reconcile."
            raise HandoverError(error.code, f"{self._name}: {error.subject}", error.rule, stands) from error

    @property
    def _gathering(self) -> str:
        return self._renderer.render(self._platform.gather_template, self.settings)

    def _text(self, operation: str, **context: object) -> str:
        return self._renderer.render(f"{operation}.xml.j2", {**self.settings, **context})

    @property
    def settings(self) -> Mapping[str, object]:
        """What the templates must know of the server."""
        return {**self._platform.settings, "target": self._target, "rollback_on_error": self.whole}

    @property
    def whole(self) -> bool:
        """Whether the server takes an edit as a whole, or nothing of it (``rollback-on-error``)."""
        return self._can("rollback-on-error:1.0")

    @property
    def _target(self) -> str:
        return "candidate" if self.candidate else "running"

    @property
    def confirms(self) -> bool:
        """Whether the server takes back by itself what nobody confirms."""
        return self.candidate and self._can("confirmed-commit:1.1")

    def _can(self, capability: str) -> bool:
        return f"{_CAPABILITY}{capability}" in self._session.capabilities


def _concerns(change: Change, roles: Container[Role]) -> bool:
    return any(entry.role in roles for entry in (*change.remove, *change.put))


def netconf_router(name: str, platform: NetconfPlatform, renderer: Renderer, session: NetconfSession) -> ManagedRouter:
    """A router of a platform, reached by a NETCONF session; errors as :class:`NetconfDevice`."""
    return ManagedRouter(name, platform, NetconfDevice(name, platform, renderer, session))
