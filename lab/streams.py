"""Live traffic between two nodes, logged event by event.

Run on the host inside a node's network namespace. ``endpoint`` holds one end of a TCP session and of a UDP stream,
both with a numbered message each way every 20 ms; ``echo`` serves lines; ``new-session`` opens one and reports.

The log has one JSON object a line: ``t`` (monotonic seconds, one clock for all nodes), ``event`` (``started``,
``connected``, ``sent``, ``received``, ``reset``, ``error``, ``closed``, ``stopped``), ``stream`` (``tcp``, ``udp``),
``seq`` or ``error``.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import selectors
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import TextIO

INTERVAL = 0.02
_RESETS = {errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT, errno.ECONNABORTED}


class Log:
    """Appends events; line-buffered, so that a killed endpoint leaves what it saw."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, event: str, stream: str = "", **fields: object) -> None:
        record = {"t": round(time.monotonic(), 6), "event": event, "stream": stream} | fields
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")


class Tcp:
    """Numbered lines over one TCP session; it is never opened again once it is lost."""

    def __init__(self, connection: socket.socket, log: Log) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket | None = connection
        self._log, self._seq, self._unsent, self._partial = log, 0, b"", b""
        log("connected", "tcp", local=connection.getsockname()[:2], peer=connection.getpeername()[:2])

    def send(self) -> None:
        if self.socket is None:
            return
        self._unsent += b"%d\n" % self._seq
        self._log("sent", "tcp", seq=self._seq)
        self._seq += 1
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._lost(error)

    def receive(self) -> None:
        if self.socket is None:
            return
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error)
            return
        if not data:
            self._log("closed", "tcp")
            self.close()
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._log("received", "tcp", seq=int(line))

    def close(self) -> None:
        if self.socket is not None:
            # No lingering state: the next session may use the same ports, and a dead peer would never let go of them.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            self.socket = None

    def _lost(self, error: OSError) -> None:
        fatal = error.errno in _RESETS
        self._log("reset" if fatal else "error", "tcp", error=errno.errorcode.get(error.errno or 0, str(error)))
        if fatal:
            self.close()


class Udp:
    """Numbered datagrams over a connected socket."""

    def __init__(self, local: str, local_port: int, peer: str, peer_port: int, log: Log) -> None:
        self.socket = socket.socket(_family(local), socket.SOCK_DGRAM)
        self.socket.bind((local, local_port))
        self.socket.connect((peer, peer_port))
        self.socket.setblocking(False)
        self._log, self._seq = log, 0

    def send(self) -> None:
        self._log("sent", "udp", seq=self._seq)
        try:
            self.socket.send(b"%d" % self._seq)
        except OSError as error:
            self._failed(error)
        self._seq += 1

    def receive(self) -> None:
        try:
            self._log("received", "udp", seq=int(self.socket.recv(2048)))
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self._log("error", "udp", error=errno.errorcode.get(error.errno or 0, str(error)))


def endpoint(args: argparse.Namespace) -> int:
    """One end of both streams, until SIGTERM or the end of ``--duration``."""
    stop = Stop(args.duration)
    with Path(args.log).open("a", buffering=1, encoding="ascii") as file:
        log = Log(file)
        log("started")
        # Both ends have this socket before either can have the session: the first datagrams find it.
        udp = Udp(args.local, args.udp_port, args.peer, args.udp_port, log)
        tcp = Tcp(_tcp_session(args, stop), log)
        print(json.dumps({"ready": True}), flush=True)
        with selectors.DefaultSelector() as selector:
            assert tcp.socket is not None
            selector.register(tcp.socket, selectors.EVENT_READ, tcp)
            selector.register(udp.socket, selectors.EVENT_READ, udp)
            due = time.monotonic()
            while not stop.now:
                for key, _ in selector.select(max(0.0, due - time.monotonic())):
                    key.data.receive()
                if time.monotonic() >= due:
                    due += INTERVAL
                    tcp.send()
                    udp.send()
                if tcp.socket is None and len(selector.get_map()) == 2:
                    # The selector drops a closed descriptor only when told.
                    selector.close()
                    selector = selectors.DefaultSelector()
                    selector.register(udp.socket, selectors.EVENT_READ, udp)
        log("stopped")
        tcp.close()
    return 0


def echo(args: argparse.Namespace) -> int:
    """Answer every connection's bytes with the same bytes."""
    stop = Stop(args.duration)
    with selectors.DefaultSelector() as selector:
        listener = _listener(args.local, args.port)
        selector.register(listener, selectors.EVENT_READ)
        print(json.dumps({"ready": True}), flush=True)
        while not stop.now:
            for key, _ in selector.select(0.2):
                it = key.fileobj
                assert isinstance(it, socket.socket)
                if it is listener:
                    selector.register(it.accept()[0], selectors.EVENT_READ)
                    continue
                data = b""
                with contextlib.suppress(OSError):
                    data = it.recv(4096)
                    it.sendall(data)
                if not data:
                    selector.unregister(it)
                    it.close()
    return 0


def new_session(args: argparse.Namespace) -> int:
    """Connect, exchange one line, report as JSON; exit status 1 when that failed."""
    start = time.monotonic()
    report: dict[str, object] = {"ok": False, "to": args.to, "port": args.port, "local": args.local, "error": None}
    try:
        source = (args.local, 0) if args.local else None
        with socket.create_connection((args.to, args.port), timeout=args.timeout, source_address=source) as session:
            report["local"] = session.getsockname()[0]
            session.sendall(b"hello\n")
            answer = session.recv(64)
            report["ok"] = answer == b"hello\n"
            report["error"] = None if report["ok"] else f"unexpected answer {answer!r}"
    except OSError as error:
        report["error"] = str(error)
    report["ms"] = round((time.monotonic() - start) * 1000, 1)
    print(json.dumps(report), flush=True)
    return 0 if report["ok"] else 1


class Stop:
    """Becomes true at SIGTERM, SIGINT, or after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._end, self._told = time.monotonic() + seconds, False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def _tell(self, *_: object) -> None:
        self._told = True

    @property
    def now(self) -> bool:
        return self._told or time.monotonic() >= self._end


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _listener(local: str, port: int) -> socket.socket:
    return socket.create_server((local, port), family=_family(local), dualstack_ipv6=local == "::")


def _tcp_session(args: argparse.Namespace, stop: Stop) -> socket.socket:
    if args.listen:
        with _listener(args.local, args.tcp_port) as listener:
            listener.settimeout(args.patience)
            print(json.dumps({"listening": True}), flush=True)
            return listener.accept()[0]
    end = time.monotonic() + args.patience
    while True:
        try:
            return socket.create_connection(
                (args.peer, args.tcp_port), timeout=2, source_address=(args.local, args.tcp_local_port)
            )
        except OSError:
            if stop.now or time.monotonic() > end:
                raise
            time.sleep(0.1)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.streams", description="live traffic between two nodes")
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("endpoint", help="one end of a TCP session and of a UDP stream")
    verb.set_defaults(do=endpoint)
    verb.add_argument("--local", required=True, help="address that both are bound to")
    verb.add_argument("--peer", required=True)
    verb.add_argument("--listen", action="store_true", help="wait for the TCP session instead of opening it")
    verb.add_argument("--tcp-port", type=int, default=7101, help="the listening end's port")
    verb.add_argument("--tcp-local-port", type=int, default=40000, help="the opening end's port")
    verb.add_argument("--udp-port", type=int, default=7102, help="at both ends")
    verb.add_argument("--log", required=True)
    verb.add_argument("--patience", type=float, default=10, help="seconds to wait for the TCP session")
    verb.add_argument("--duration", type=float, default=120, help="seconds, at most")
    verb = verbs.add_parser("echo", help="an echo service")
    verb.set_defaults(do=echo)
    verb.add_argument("--local", default="::", help="address to listen on; :: is every address of both families")
    verb.add_argument("--port", type=int, default=7100)
    verb.add_argument("--duration", type=float, default=600, help="seconds, at most")
    verb = verbs.add_parser("new-session", help="open a session to an echo service")
    verb.set_defaults(do=new_session)
    verb.add_argument("--to", required=True)
    verb.add_argument("--port", type=int, default=7100)
    verb.add_argument("--local", help="address to come from")
    verb.add_argument("--timeout", type=float, default=3)
    args = parser.parse_args(argv)
    status: int = args.do(args)
    return status


if __name__ == "__main__":
    sys.exit(main())
