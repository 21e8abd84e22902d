"""Records the captures that the tests read: real phones, a real registrar, real tcpdump.

``python -m lab.captures.record tests/fixtures/captures`` as root. Debian packages: kamailio, kamailio-extra-modules,
sip-tester, tcpdump, tshark. Beside each capture, ``NAME.tsv`` is what tshark sees in it (:data:`FIELDS`).
"""

from __future__ import annotations

import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from lab.captures.wire import MIRROR, PHONE, SERVER, Wire, in_namespace, run
from lab.phone import TAG, Phone, Request, credentials, parse_answer

HERE = Path(__file__).parent
#: What tshark prints of each frame with SIP, one column each; several messages of one frame are joined by a bar.
FIELDS = (
    "frame.number frame.time_epoch ip.src ipv6.src udp.srcport tcp.srcport ip.dst ipv6.dst udp.dstport tcp.dstport "
    "sip.Method sip.Status-Code sip.Call-ID sip.CSeq.seq"
).split()
PASSWORD = "recorded"
OLD, NEW, REGISTRAR = "198.51.100.20", "198.51.100.21", "198.51.100.10"
OLD6, NEW6, REGISTRAR6 = "2001:db8:51::20", "2001:db8:51::21", "2001:db8:51::10"


@contextmanager
def program(ready: str, namespace: str, *command: str) -> Iterator[None]:
    """A program that runs in a namespace, from the line of its output that matches ``ready`` on."""
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if re.search(ready, line):
                break
        else:
            raise RuntimeError(f"{command[0]} ended before it was ready")
        time.sleep(0.3)
        yield
        # What the last packets were about is on its way to the file.
        time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


@contextmanager
def registrar(*defines: str) -> Iterator[None]:
    """Kamailio in the server's namespace, with nothing registered."""
    with tempfile.TemporaryDirectory() as directory:
        options = ["-DD", "-E", "-m", "32", "-M", "4", "-w", directory, "-Y", directory]
        with program("", SERVER, "kamailio", "-f", str(HERE / "kamailio.cfg"), *options, *defines):
            time.sleep(1)
            yield


def tcpdump(file: Path, *options: str, namespace: str = SERVER, device: str = "wire0") -> AbstractContextManager[None]:
    """tcpdump on a device."""
    command = ["tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode", "-i", device, "-w", str(file), *options]
    return program("listening on", namespace, *command)


def request(local: str, call_id: str, *headers: str) -> Request:
    """A REGISTER of alice with one Contact at ``local``."""
    host = f"[{local}]" if ":" in local else local
    contact = f"<sip:alice@{host}:5070>"
    return Request("alice", "alice", "visited.example", local, (contact,), 600, call_id, 1, headers)


def tagged(old: str) -> tuple[str, str]:
    """The patent's header lines for an old address."""
    return f"Require: {TAG}", f"{TAG}: <sip:alice@{'[' + old + ']' if ':' in old else old}>"


def register(one: Request, password: str = PASSWORD, patience: float = 5) -> None:
    """Send it from its address over UDP, and answer one challenge."""
    server = REGISTRAR6 if ":" in one.local else REGISTRAR
    phone = in_namespace(PHONE, lambda: Phone(one.local, server, 5060, 5070, patience))
    try:
        print(f"  {one.call_id}: {phone.register(one, password).status}")
    except TimeoutError:
        print(f"  {one.call_id}: no answer")
    finally:
        phone.close()


def move(old: str = OLD, new: str = NEW) -> None:
    """The phone registers at its old address, and tagged at its new one."""
    register(request(old, "home@phone"))
    register(request(new, "moved@phone", *tagged(old)))


def connection(local: str) -> socket.socket:
    """A TCP connection from the phone to the server, each ``send`` a segment of its own."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_INET6 if ":" in local else socket.AF_INET)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.settimeout(5)
        made.bind((local, 0))
        made.connect((REGISTRAR6 if ":" in local else REGISTRAR, 5060))
        return made

    return in_namespace(PHONE, connect)


def over_tcp(one: Request) -> bytes:
    """Its text for a stream."""
    return one.text(secrets.token_hex(8), "tcp", 5070).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")


def answers(stream: socket.socket, count: int) -> list[bytes]:
    """The next answers."""
    data = b""
    while data.count(b"\r\n\r\n") < count:
        data += stream.recv(65535)
    return [part + b"\r\n\r\n" for part in data.split(b"\r\n\r\n")[:count]]


def converse(local: str, size: int | None) -> None:
    """Two registrations over one connection: with ``size`` each message in many segments, else both in one."""
    stream = connection(local)
    pair = [request(local, f"{name}@phone", *tagged(OLD6 if ":" in local else OLD)) for name in ("one", "two")]

    def send(requests: list[Request]) -> list[bytes]:
        data = b"".join(map(over_tcp, requests))
        for start in range(0, len(data), size or len(data)):
            stream.sendall(data[start : start + (size or len(data))])
            time.sleep(0.002)
        return answers(stream, len(requests))

    challenges = [parse_answer(answer).all("WWW-Authenticate")[0] for answer in send(pair)]
    again = [
        replace(one, cseq=2, authorization=credentials(challenge, one, PASSWORD, None))
        for one, challenge in zip(pair, challenges, strict=True)
    ]
    print("  ", [parse_answer(answer).status for answer in send(again)])
    # The keep-alive of RFC 5626, which the server answers.
    stream.sendall(b"\r\n\r\n")
    time.sleep(0.2)
    stream.close()
    time.sleep(0.2)


class Lose:
    """A wire that loses the server's first 200, so that the phone sends its request again."""

    def __init__(self) -> None:
        self._lost = False

    def __call__(self, frame: bytes, from_phone: bool) -> list[bytes]:
        if not from_phone and not self._lost and b"SIP/2.0 200" in frame:
            self._lost = True
            return []
        return [frame]


class Disorder:
    """A wire on which the phone's TCP data overtakes itself: every second segment waits for the next, and one in five
    comes twice."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._count = 0

    def __call__(self, frame: bytes, from_phone: bool) -> list[bytes]:
        # IPv4 over Ethernet without options: the TCP header begins at 34, and at 46 the length of it.
        if not from_phone or frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return [frame]
        length = int.from_bytes(frame[16:18], "big") - 20 - (frame[46] >> 4) * 4
        kept, self._kept = self._kept, []
        if length <= 0:
            return [*kept, frame]
        self._count += 1
        if self._count % 2 and not kept:
            self._kept = [frame]
            return []
        return [frame, *kept, *([frame] if self._count % 5 == 0 else [])]


def record(directory: Path) -> None:
    """Every capture, each on a wire and with a registrar of its own."""

    def file(name: str) -> Path:
        print(name)
        return directory / name

    with Wire(), registrar(), tcpdump(file("ethernet.pcap")):
        move()
        register(request(NEW, "wrong-password@phone"), password="guessed")
        register(replace(request(NEW, "other-user@phone"), aor_user="bob"))
    with Wire(), tcpdump(file("unanswered.pcap")):
        register(request(NEW, "unanswered@phone", *tagged(OLD)), patience=1.2)
    with Wire(carry=Lose()), registrar(), tcpdump(file("lost_answer.pcap")):
        register(request(NEW, "again@phone", *tagged(OLD)))
    with Wire(), registrar(), tcpdump(file("nanoseconds.pcap"), "--time-stamp-precision=nano"):
        move()
    with Wire(), registrar(), tcpdump(file("ipv6.pcap")):
        move(OLD6, NEW6)
    for name, tags in (("vlan", ((0x8100, 7),)), ("qinq", ((0x88A8, 40), (0x8100, 7)))):
        with Wire(tags=tags), registrar(), tcpdump(file(f"{name}.pcap"), namespace=MIRROR):
            move()
    for name, link in (("cooked", "LINUX_SLL"), ("cooked2", "LINUX_SLL2")):
        with Wire(), registrar(), tcpdump(file(f"{name}.pcap"), "-y", link, device="any"):
            move()
            move(OLD6, NEW6)
    with Wire(tun=True), registrar(), tcpdump(file("raw_ip.pcap")):
        move()
        move(OLD6, NEW6)
    padding = tuple(f"X-Padding: {n:02} " + "-" * 90 for n in range(25))
    # An interface with so small an MTU has no IPv6.
    with Wire(mtu=576), registrar("-A", "ONLY_IPV4"), tcpdump(file("fragments.pcap")):
        register(request(NEW, "large@phone", *tagged(OLD), *padding))
    with Wire(mtu=1280), registrar(), tcpdump(file("fragments_ipv6.pcap")):
        register(request(NEW6, "large@phone", *tagged(OLD6), *padding))
    with Wire(), registrar(), tcpdump(file("snaplen.pcap"), "-s", "200"):
        move()
    with Wire(), registrar(), tcpdump(file("tcp_one_segment.pcap")):
        converse(NEW, None)
    with Wire(), registrar(), tcpdump(file("tcp_many_segments.pcap")):
        converse(NEW6, 64)
    with Wire(carry=Disorder()), registrar(), tcpdump(file("tcp_disorder.pcap")):
        converse(NEW, 100)
    with Wire(), registrar(), tcpdump(file("tcp_sipp.pcap")):
        sipp = ["sipp", f"{REGISTRAR}:5060", "-sf", str(HERE / "register.xml"), "-i", NEW, "-m", "3", "-r", "20"]
        run("ip", "netns", "exec", PHONE, *sipp, "-t", "t1", "-nostdin")
    pcapng(directory)
    for capture in [*directory.glob("*.pcap"), *directory.glob("*.pcapng")]:
        expect(capture)
    hep(file("kamailio.hep"))


def pcapng(directory: Path) -> None:
    """pcapng files: of dumpcap, in nanoseconds, and of several interfaces with different link types."""
    print("pcapng")
    command = ["dumpcap", "-q", "-i", "wire0", "-w", str(directory / "dumpcap.pcapng")]
    with Wire(), registrar(), program("Capturing on", SERVER, *command):
        time.sleep(0.7)
        move()
    names = ("nanoseconds", "vlan", "cooked", "raw_ip")
    run("editcap", "-F", "pcapng", str(directory / "nanoseconds.pcap"), str(directory / "nanoseconds.pcapng"))
    merged = [str(directory / f"{name}.pcap") for name in names]
    run("mergecap", "-F", "pcapng", "-I", "none", "-w", str(directory / "interfaces.pcapng"), *merged)
    for file in directory.glob("*.pcapng"):
        blank_machine(file)


def blank_machine(file: Path) -> None:
    """Overwrite what a file tells of the recording machine: shb_hardware (2), and shb_os (3), which if_os repeats."""
    data = bytearray(file.read_bytes())
    at, end = 24, int.from_bytes(data[4:8], "little") - 4
    while at + 4 <= end and (code := int.from_bytes(data[at : at + 2], "little")):
        size = int.from_bytes(data[at + 2 : at + 4], "little")
        if code in (2, 3):
            data = data.replace(data[at + 4 : at + 4 + size], b" " * size)
        at += 4 + (size + 3) // 4 * 4
    file.write_bytes(data)


def expect(capture: Path) -> None:
    """Write down what tshark sees; not what an ICMP error quotes."""
    fields = [part for field in FIELDS for part in ("-e", field)]
    options = [
        "-Y",
        "sip and not icmp and not icmpv6",
        "-T",
        "fields",
        "-E",
        "aggregator=|",
        "-o",
        "tcp.reassemble_out_of_order:TRUE",
    ]
    done = subprocess.run(["tshark", "-n", "-r", str(capture), *options, *fields], check=True, capture_output=True)
    capture.with_name(capture.name + ".tsv").write_bytes(done.stdout)


def hep(file: Path) -> None:
    """What Kamailio's siptrace sends to a collector, one datagram after another; and tshark's view of the traffic."""

    def listen() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.bind(("127.0.0.1", 9060))
        made.settimeout(1)
        return made

    with tempfile.TemporaryDirectory() as directory, Wire():
        collector = in_namespace(SERVER, listen)
        capture = Path(directory, "same.pcap")
        with registrar("-A", "WITH_HEP"), tcpdump(capture):
            move()
            move(OLD6, NEW6)
            converse(NEW, None)
        with collector, file.open("wb") as out:
            try:
                while True:
                    out.write(collector.recv(65535))
            except TimeoutError:
                pass
        expect(capture)
        file.with_name(file.name + ".tsv").write_bytes(Path(directory, "same.pcap.tsv").read_bytes())


if __name__ == "__main__":
    record(Path(sys.argv[1]))
