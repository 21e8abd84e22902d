"""One end of a call's sound: RTP (RFC 3550) both ways, a packet each 20 ms, logged as :mod:`lab.streams` does.

Run on the host inside a node's network namespace. The socket is bound and not connected, as those of phones are, so
that no kernel knows the other end. A packet counts only when it comes from where the call has agreed on.
"""

from __future__ import annotations

import argparse
import errno
import json
import secrets
import socket
import struct
import sys
import time
from pathlib import Path

from lab.streams import INTERVAL, Log, Stop

_VERSION, _PCMU, _SAMPLES = 0x80, 0, 160
_HEADER = struct.Struct("!BBHII")
#: Silence in PCMU (RFC 3551 section 4.5.14).
_SOUND = b"\xff" * _SAMPLES


class Voice:
    """Sends to a peer, and hears it."""

    def __init__(self, local: tuple[str, int], peer: tuple[str, int], log: Log) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(local)
        self._peer, self._log = peer, log
        self._source, self._seq = secrets.randbits(32), 0

    def send(self) -> None:
        """The next packet."""
        header = _HEADER.pack(_VERSION, _PCMU, self._seq & 0xFFFF, self._seq * _SAMPLES & 0xFFFFFFFF, self._source)
        self._log("sent", "rtp", seq=self._seq)
        try:
            self.socket.sendto(header + _SOUND, self._peer)
        except OSError as error:
            self._failed(error)
        self._seq += 1

    def receive(self, until: float) -> None:
        """What comes until a moment of the monotonic clock."""
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, source = self.socket.recvfrom(2048)
            except TimeoutError:
                return
            except OSError as error:
                self._failed(error)
                continue
            if source != self._peer:
                self._log("strange", "rtp", source=source)
            elif len(data) >= _HEADER.size and data[0] == _VERSION:
                self._log("received", "rtp", seq=_HEADER.unpack_from(data)[2])

    def _failed(self, error: OSError) -> None:
        # On its way between two networks a phone has no way to anybody.
        self._log("error", "rtp", error=errno.errorcode.get(error.errno or 0, str(error)))


def main(argv: list[str] | None = None) -> int:
    """Until SIGTERM or the end of ``--duration``."""
    parser = argparse.ArgumentParser(prog="python -m lab.voice", description="one end of a call's sound")
    parser.add_argument("--local", required=True, help="address that the call has agreed on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--peer-port", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--duration", type=float, default=600, help="seconds, at most")
    args = parser.parse_args(argv)
    stop = Stop(args.duration)
    with Path(args.log).open("a", buffering=1, encoding="ascii") as file:
        log = Log(file)
        voice = Voice((args.local, args.port), (args.peer, args.peer_port), log)
        log("started")
        print(json.dumps({"ready": True}), flush=True)
        due = time.monotonic()
        while not stop.now:
            voice.send()
            due += INTERVAL
            voice.receive(due)
        log("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
