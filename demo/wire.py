"""What the phone sent, captured on its interfaces, beside the messages of US 7,082,118, section 7, header by header."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.header import OPTION_TAG
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message_facts import Message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.name_addr import parse_name_addr
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.exchange import Recorded
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.pcap import messages
from lab import Lab
from lab.runtime import LabError

__all__ = ["Compared", "captured", "compared"]

#: The headers of section 7's example; a request within a dialog has no Expires.
_PATENTS = ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Require", OPTION_TAG, "Content-Length")


@dataclass(frozen=True)
class Compared:
    """A tagged request.

    :ivar at: where the phone was.
    :ivar wrong: the headers of the patent's example that are missing, or say something else.
    :ivar beside: the headers that it does not have.
    """

    method: str
    at: IPv4Address
    to: IPv4Address
    wrong: Sequence[str]
    beside: Sequence[str]


@contextmanager
def captured(lab: Lab, node: str, file: Path) -> Iterator[None]:
    """SIP at a node, into a file."""
    # On all interfaces: one that goes down ends a capture. The program is the node's, the process is ours to end.
    argv = ["tcpdump", "-i", "any", "-n", "-U", "--immediate-mode", "-Z", "root", "-w", "-", "port", "5060"]
    with file.open("wb") as out:
        process = subprocess.Popen(
            ["nsenter", "--target", str(lab.pids[node]), "--mount", "--net", "--", *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        assert process.stderr is not None
        if not any("listening on" in line for line in process.stderr):
            raise LabError(f"tcpdump does not begin in {node}")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)


def compared(file: Path, user: str, domain: str, correspondent: str, old: IPv4Address) -> list[Compared]:
    """Each tagged request of a capture that was sent with credentials.

    :param correspondent: the address of record that requests within the call are to.
    :param old: the address that the sessions were opened with.
    """
    found: dict[tuple[str, str], Compared] = {}
    with file.open("rb") as stream:
        for one in messages(iter(lambda: stream.read(65536), b""), file.name):
            if not isinstance(one, Recorded) or not isinstance(one.source, IPv4Address):
                continue
            message = parse_message(one.data)
            if message.method is None or not message.headers.get(OPTION_TAG.lower()) or not _authorized(message):
                continue
            to = f"sip:{user}@{domain}" if message.method == "REGISTER" else correspondent
            wanted = _wanted(message.method, f"sip:{user}@{domain}", to, one.source, old)
            assert isinstance(one.destination, IPv4Address)
            found[message.method, str(one.source)] = Compared(
                message.method,
                one.source,
                one.destination,
                [name for name in _PATENTS if not _says(message, name, wanted)],
                [name for name in message.headers if name not in {known.lower() for known in (*_PATENTS, "Expires")}],
            )
    return list(found.values())


def _authorized(message: Message) -> bool:
    return any(message.headers.get(name) for name in ("authorization", "proxy-authorization"))


def _wanted(method: str, own: str, to: str, here: IPv4Address, old: IPv4Address) -> Mapping[str, str]:
    """The patent's values, as far as they are the story's and not the message's own."""
    user = own.partition("@")[0]
    return {
        "Via": str(here),
        "From": own,
        "To": to,
        "CSeq": method,
        "Contact": f"{user}@{here}",
        "Require": OPTION_TAG,
        OPTION_TAG: f"{user}@{old}",
    }


def _says(message: Message, name: str, wanted: Mapping[str, str]) -> bool:
    """Whether a header is there once, and says what it should."""
    values = message.headers.get(name.lower(), [])
    if len(values) != 1:
        return False
    (value,) = values
    if name in ("From", "To", "Contact", OPTION_TAG):
        uri = parse_name_addr(value, name).uri
        return f"{uri.scheme}:{uri.user}@{uri.host}" == wanted[name]
    if name == "Via":
        return value.split()[1].partition(":")[0] == wanted[name]
    if name == "CSeq":
        return value.split()[1] == wanted[name]
    return value == wanted.get(name, value)
