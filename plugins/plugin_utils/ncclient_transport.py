# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ncclient over SSH, without its wait before each request, and without its silence about an answer that is no XML."""

from __future__ import annotations

try:
    from ncclient.devices.default import DefaultDeviceHandler
    from ncclient.transport.errors import SessionError, TransportError
    from ncclient.transport.session import NetconfBase
    from ncclient.transport.ssh import SSHSession
except ImportError:
    # Said by ncclient_session, when somebody wants a session.
    DefaultDeviceHandler = SSHSession = object

__all__ = ["OutspokenHandler", "PromptSession"]


class OutspokenHandler(DefaultDeviceHandler):  # type: ignore[misc]
    """The handler of any device, which tells whoever waits of an answer that is no XML. ncclient's puts it in a log."""

    def handle_raw_dispatch(self, raw: str) -> SessionError:
        """The error that ends every request under way: the answer does not say whose it is."""
        return SessionError(f"an answer that is no XML: {raw[:80]!r}")


class PromptSession(SSHSession):  # type: ignore[misc]
    """An SSH session of ncclient whose requests go out at once.

    ncclient queues a request, and a thread of it that waits for answers looks into the queue ten times a second. Here
    whoever asks sends, and that thread only reads.
    """

    #: Seconds after which a server that does not read is given up.
    patience: float = 30
    #: The file of known host keys; None for the user's own.
    known_hosts: str | None = None

    def load_known_hosts(self, filename: str | None = None) -> None:
        """As ncclient, which looks into the user's own file, whatever else there is."""
        super().load_known_hosts(self.known_hosts or filename)

    def send(self, message: str) -> None:
        """Frame a message (RFC 6242 section 4.2 or 4.3) and send it.

        :raises TransportError: where the session is over; it is closed where a part of the message may have been sent.
        """
        channel = self._channel
        if not self.connected or channel is None:
            raise TransportError("Not connected to NETCONF server")
        data = message.encode()
        chunked = self._base == NetconfBase.BASE_11
        channel.settimeout(self.patience)
        try:
            channel.sendall(b"\n#%d\n%s\n##\n" % (len(data), data) if chunked else data + b"]]>]]>")
        except OSError as error:
            self.close()
            raise TransportError(f"not sent: {error or type(error).__name__}") from error
