# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kamailio of the role sip_server, the log of its events as a service follows it, and phones that register.

They have a network of their own: what they say to each other does not pass the routers of a test.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from lab.phone import SESSIONS_TYPE, TAG, Phone, Request, sessions_body

from ...unit.roles.private_kamailio import DOMAIN, PASSWORD
from ..sip.logged import Logged
from ..sip.network import PrivateNetwork

__all__ = ["BY_UDP", "SipPhone", "SipServer", "sip_server"]

#: What a service's policy says of these phones.
BY_UDP: Mapping[str, Any] = MappingProxyType({"require_secure_transport": False})
_AT, _PORT = "198.18.0.31", 5060


class SipServer:
    """It runs when this is made; :meth:`close` ends it.

    :param users: who may register.
    :param addresses: where phones may be.
    """

    def __init__(self, directory: Path, users: Iterable[str], addresses: Iterable[object]) -> None:
        known = [{"name": user, "domain": DOMAIN, "password": PASSWORD} for user in users]
        self._network = PrivateNetwork([_AT, *map(str, addresses)])
        try:
            with self._network.inside():
                self._logged = Logged(directory, address=_AT, settings={"sip_server_users": known})
        except BaseException:
            self._network.close()
            raise

    @property
    def log(self) -> Path:
        """The log of its events."""
        return self._logged.log

    def phone(self, user: str) -> SipPhone:
        """A phone, registered nowhere."""
        return SipPhone(user, self._network)

    def kill(self) -> None:
        """Kill it with all its processes; it forgets who was registered."""
        with self._network.inside():
            self._logged.kill_server()

    def start(self) -> None:
        """Start it again."""
        with self._network.inside():
            self._logged.start_server()

    def close(self) -> None:
        """End it."""
        self._logged.close()
        self._network.close()


@contextmanager
def sip_server(directory: Path, users: Iterable[str], addresses: Iterable[object]) -> Iterator[SipServer]:
    """One that runs meanwhile."""
    directory.mkdir()
    server = SipServer(directory, users, addresses)
    try:
        yield server
    finally:
        server.close()


class SipPhone:
    """One phone. It asks without credentials first, as phones do that know no nonce."""

    def __init__(self, user: str, network: PrivateNetwork) -> None:
        self.user = user
        self._network = network
        self._cseq = 0

    def register(
        self,
        at: object,
        old: object = None,
        sessions: Sequence[Session] = (),
        *,
        expires: int = 600,
        patience: float = 10,
    ) -> float:
        """Register at an address; with the tag, and a list of sessions, where an old address is given.

        :param patience: seconds for which each request is sent again.
        :returns: when the first REGISTER was sent, Unix seconds.
        :raises TimeoutError: nobody answered.
        """
        body, headers = b"", []
        if old is not None:
            headers += [f"Require: {TAG}", f"{TAG}: <sip:{self.user}@{old}>"]
        if sessions:
            body = sessions_body(str(old), [_listed(session) for session in sessions])
            headers += [f"Content-Type: {SESSIONS_TYPE}", "Content-Disposition: render;handling=optional"]
        contact = f"<sip:{self.user}@{at}:{_PORT}>"
        asked = Request(
            user=self.user,
            aor_user=self.user,
            domain=DOMAIN,
            local=str(at),
            contacts=(contact,),
            expires=expires,
            call_id=f"{self.user}-call",
            cseq=self._cseq + 1,
            headers=tuple(headers),
            body=body,
        )
        self._cseq += 2
        with self._network.inside():
            phone = Phone(str(at), _AT, _PORT, 0, patience)
        try:
            sent = time.time()
            answer = phone.register(asked, PASSWORD)
        finally:
            phone.close()
        if answer.status != 200:
            raise RuntimeError(f"{self.user} at {at}: {answer.status} {answer.reason}")
        return sent


def _listed(session: Session) -> str:
    ends = f"{session.correspondent}:{session.correspondent_port}"
    return f"{session.protocol}:{session.port}:{ends}"
