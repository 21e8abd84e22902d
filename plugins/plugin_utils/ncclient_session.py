# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NETCONF session that is held open, by ncclient: one handover costs its round trips, not a login."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ..module_utils.errors import HandoverError
from .netconf_device import NETCONF_PORT

try:
    from lxml.etree import LxmlError
    from ncclient import NCClientError
    from ncclient.manager import Manager, make_device_handler
    from ncclient.operations import RaiseMode, TimeoutExpiredError
    from ncclient.transport import AuthenticationError, SSHUnknownHostError
    from ncclient.xml_ import to_ele
    from paramiko import SSHException

    from .ncclient_transport import OutspokenHandler, PromptSession

    HAS_NCCLIENT = True
except ImportError:
    HAS_NCCLIENT = False

__all__ = ["Login", "NcclientSession"]

#: Seconds that the first request of a session may stay without an answer before another one is sent behind it.
_FIRST_SECONDS = 1.0
_BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
_CLOSE = f"<close-session {_BASE}/>"
#: An empty filter selects nothing (RFC 6241 section 6.4.2).
_NOTHING = f'<get-config {_BASE}><source><running/></source><filter type="subtree"/></get-config>'
_CHUNKED = "urn:ietf:params:netconf:base:1.1"


@dataclass(frozen=True)
class Login:
    """Who logs in, where, and how he knows that it is the router.

    :ivar host: the router's address or name.
    :ivar user: the login.
    :ivar key_file: his private key; None where he has a password.
    :ivar host_key: the router's public key in base64; None looks it up.
    :ivar port: of its NETCONF server.
    :ivar timeout: seconds that an answer may take.
    :ivar password: his password, which is not shown.
    :ivar known_hosts: where to look the key up; None for the user's own file.
    :ivar ssh_config: a configuration of OpenSSH to go by.
    :ivar keepalive: seconds between two signs of life that are sent; 0 for none.
    """

    host: str
    user: str
    key_file: str | None
    host_key: str | None = None
    port: int = NETCONF_PORT
    timeout: float = 30
    password: str | None = field(default=None, repr=False)
    known_hosts: str | None = None
    ssh_config: str | None = None
    keepalive: float = 0


class NcclientSession:
    """A session, open until it is closed; a host key that is not known is refused.

    :param sock: a connected socket, where the router is not reached from this network.
    :raises HandoverError: ``library_missing``, ``unknown_host_key``, ``login_refused``, ``router_unreachable``.
    """

    def __init__(self, login: Login, sock: socket.socket | None = None) -> None:
        if not HAS_NCCLIENT:
            raise HandoverError("library_missing", "ncclient", "the controller has ncclient", "Install ncclient.")
        self._login = login
        handler = make_device_handler({"handler": OutspokenHandler})
        self._session = self._connected(PromptSession(handler), sock)
        self._manager = Manager(self._session, handler, raise_mode=RaiseMode.NONE)
        self._manager.async_mode = True
        self._fresh = _CHUNKED in self.capabilities

    def __enter__(self) -> NcclientSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def number(self) -> str:
        """The number that the server gave the session."""
        return str(self._manager.session_id)

    @property
    def capabilities(self) -> Set[str]:
        """What the server announced in its hello."""
        return frozenset(self._manager.server_capabilities)

    def request(self, operation: str) -> str:
        """Send one operation and return the reply as text, errors included.

        :raises HandoverError: ``session_lost``, also where the answer is late, or is no XML.
        """
        return self.requests(operation)[0]

    def requests(self, *operations: str) -> Sequence[str]:
        """Send operations one behind the other, then wait for all replies. Errors as :meth:`request`."""
        with self._losing():
            sent = [self._manager.rpc(to_ele(operation)) for operation in operations]
            return [self._reply(one) for one in sent]

    def tell(self, operation: str) -> None:
        """Send one operation and wait for nothing. Errors as :meth:`request`."""
        with self._losing():
            self._manager.rpc(to_ele(operation))

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except (NCClientError, LxmlError, SSHException, OSError, EOFError, UnicodeError) as error:
            raise HandoverError(
                "session_lost", f"{self._login.host}: {_said(error)}", "a NETCONF session lasts for a whole step"
            ) from error

    def _reply(self, sent: Any) -> str:
        patience = self._login.timeout
        if self._fresh and patience > _FIRST_SECONDS:
            patience -= _FIRST_SECONDS
            if not sent.event.wait(_FIRST_SECONDS):
                self._rouse()
        self._fresh = False
        if not sent.event.wait(patience):
            raise TimeoutExpiredError("no answer in time")
        if sent.error is not None:
            raise sent.error
        return str(sent.reply.xml)

    def _rouse(self) -> None:
        """Send what asks for nothing, behind a request that the server may have read and laid aside.

        With its hello a client says which framing all that follows has (RFC 6242 section 4.1), and the request behind
        it may be there in the same read. netconfd 2.13 then keeps the request until more comes, and it is no client's
        duty to send more. A server carries requests out in their order (RFC 6241 section 4.5), so this does not change
        what was asked; one that is only slow answers it afterwards, to nobody.
        """
        self._manager.rpc(to_ele(_NOTHING))

    def close(self) -> None:
        """End the session, on the router too where it still answers."""
        with suppress(HandoverError):
            self.request(_CLOSE)
        with suppress(NCClientError, SSHException, OSError, EOFError):
            self._session.close()

    def _connected(self, session: Any, sock: socket.socket | None) -> Any:
        login = self._login
        session.patience = login.timeout
        session.known_hosts = login.known_hosts
        try:
            return self._open(session, sock)
        except SSHUnknownHostError as error:
            raise HandoverError(
                "unknown_host_key",
                f"{login.host}: {_said(error)}",
                "a router shows the key that it is known by",
                "Compare the key with the router's own; only then enter it in known_hosts.",
            ) from error
        except AuthenticationError as error:
            raise HandoverError(
                "login_refused", f"{login.user} on {login.host}", "the router knows the login's key or password"
            ) from error
        except (NCClientError, SSHException, OSError, EOFError) as error:
            raise HandoverError(
                "router_unreachable", f"{login.host}: {_said(error)}", "the router's NETCONF server answers"
            ) from error

    def _open(self, session: Any, sock: socket.socket | None) -> Any:
        login = self._login
        try:
            session.connect(
                host=login.host,
                port=login.port,
                username=login.user,
                key_filename=login.key_file,
                password=login.password,
                hostkey_b64=login.host_key,
                hostkey_verify=True,
                allow_agent=False,
                look_for_keys=False,
                timeout=login.timeout,
                ssh_config=login.ssh_config,
                sock=sock,
            )
            session.transport.set_keepalive(int(login.keepalive))
        except BaseException:
            if session.transport:
                session.close()
            raise
        return session


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
