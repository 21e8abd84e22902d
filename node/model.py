# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a mobile node, and what it then does: the words between its mind and its hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..plugins.module_utils.sip.grammar import Address
from ..plugins.module_utils.sip.sessions_body import ListedSession
from .sip.answer import Answer
from .sip.request import Request, host_text

__all__ = [
    "Action",
    "Answered",
    "Chance",
    "Dialog",
    "Endpoint",
    "Event",
    "Failed",
    "GiveUp",
    "Keep",
    "Leave",
    "Left",
    "Look",
    "Notify",
    "Place",
    "Profile",
    "Seen",
    "Send",
    "Sessions",
    "State",
    "Tell",
    "Woken",
]

Sessions = Mapping[Address, tuple[ListedSession, ...]]


@dataclass(frozen=True)
class Endpoint:
    """Where a SIP server listens.

    :ivar transport: ``udp``, ``tcp`` or ``tls``.
    :ivar name: the domain that its certificate must be for (RFC 5922); empty where nothing but the address is known.
    """

    address: Address
    port: int = 5060
    transport: str = "udp"
    name: str = ""

    def __str__(self) -> str:
        return f"{self.transport}:{host_text(self.address)}:{self.port}"


@dataclass(frozen=True)
class Dialog:
    """A call of the phone's user agent, as far as its correspondent's server must know of it (RFC 3261 section 12).

    :ivar cseq: the user agent has used no number above it, and leaves the next hundred to this client.
    :ivar route: the route set, Route values from top to bottom.
    :ivar media: the local address of each stream, and the stream; what unconnected sockets do not tell.
    """

    call_id: str
    local_tag: str
    remote_tag: str
    local_uri: str
    remote_uri: str
    remote_target: str
    cseq: int
    route: tuple[str, ...] = ()
    media: tuple[tuple[Address, ListedSession], ...] = ()


@dataclass(frozen=True)
class Profile:
    """Who registers, and how patiently.

    :ivar domain: of the address of record ``sip:user@domain``, which is also the Request-URI of a REGISTER.
    :ivar realm: the one whose challenges are answered.
    :ivar contact_port: where the user agent listens; calls come there.
    :ivar expires: seconds that are asked for.
    :ivar mobility: the administrator's switch: false keeps no address and sends no tag.
    :ivar linger: seconds without a session after which an old address is given up.
    :ivar poll: seconds between two looks at the sessions of kept addresses.
    :ivar retry_first: seconds after the first failure; twice as long after each further one, up to ``retry_most``.
    :ivar leave_sessions: whether a client that is stopped keeps a registration that sessions live by.
    """

    user: str
    domain: str
    auth_user: str
    password: str = field(repr=False)
    realm: str = ""
    contact_port: int = 5060
    expires: int = 600
    mobility: bool = True
    linger: float = 10.0
    poll: float = 5.0
    retry_first: float = 1.0
    retry_most: float = 120.0
    leave_sessions: bool = True
    agent: str = "sip-handover-node"

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"


@dataclass(frozen=True)
class Chance:
    """Where words that nobody can guess come from, and fractions between 0 and 1."""

    token: Callable[[], str]
    fraction: Callable[[], float]


@dataclass(frozen=True)
class State:
    """What outlives the client.

    :ivar address: the last address that the node had; None before the first.
    :ivar kept: the old addresses that are held for their sessions, oldest first.
    :ivar server: the one that took the last registration.
    :ivar cseq: the last number that a request of ``call_id`` had.
    :ivar noticed: the last CSeq used in the user agent's dialogs, by Call-ID.
    """

    call_id: str
    instance: str
    cseq: int = 0
    address: Address | None = None
    kept: tuple[Address, ...] = ()
    server: Endpoint | None = None
    noticed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Place:
    """Where the node is.

    :ivar address: the one that packets to the SIP server leave from.
    :ivar servers: the SIP servers of this place, the best first; empty while none is known.
    """

    address: Address
    servers: tuple[Endpoint, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A look at the kernel and at the user agent.

    :ivar place: None without a network.
    :ivar sessions: by local address.
    """

    place: Place | None
    sessions: Sessions
    dialogs: tuple[Dialog, ...] = ()


@dataclass(frozen=True)
class Answered:
    """A final answer to a request."""

    number: int
    answer: Answer


@dataclass(frozen=True)
class Failed:
    """A request without an answer."""

    number: int
    reason: str


@dataclass(frozen=True)
class Woken:
    """The time that :attr:`Mind.due` named has come."""


@dataclass(frozen=True)
class Leave:
    """The client is to stop."""


Event = Seen | Answered | Failed | Woken | Leave


@dataclass(frozen=True)
class Look:
    """Look at the kernel and the user agent, and say what is :class:`Seen`."""


@dataclass(frozen=True)
class Keep:
    """Hold an address on the loopback interface, as /32 or /128. It may be there already."""

    address: Address


@dataclass(frozen=True)
class GiveUp:
    """Take it from there. It may be gone."""

    address: Address


@dataclass(frozen=True)
class Send:
    """Send a request from an address to a server, and say what is :class:`Answered`, or :class:`Failed`."""

    number: int
    source: Address
    server: Endpoint
    request: Request


@dataclass(frozen=True)
class Notify:
    """The same, to the correspondent's server, which is still to be found."""

    number: int
    source: Address
    dialog: Dialog
    request: Request


@dataclass(frozen=True)
class Tell:
    """A line for the log. ``code`` is a stable word."""

    level: str
    code: str
    text: str


@dataclass(frozen=True)
class Left:
    """Nothing more is to be done: the client may end."""


Action = Look | Keep | GiveUp | Send | Notify | Tell | Left
