"""Records ``ul.dump`` of a real Kamailio, as ``kamcmd`` prints it and as its JSON-RPC server answers.

``python -m lab.kamailio.record_dump tests/fixtures/kamailio_dump`` as root on Debian 12 with the package kamailio; the
lab need not be up. Kamailio runs by itself in a network namespace that has a loopback and nothing else, and is gone
afterwards.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAMESPACE = "logs-kamailio"
_SERVER = "203.0.113.5"
_PHONES = ("198.51.100.50", "203.0.113.50", "2001:db8:1::50")
_INSTANCE = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

_CONFIG = """\
#!KAMAILIO
log_stderror=yes
debug=0
children=1
tcp_children=1
auto_aliases=no
listen=udp:{server}:5060
listen=tcp:{server}:5060
listen=udp:[2001:db8:1::5]:5060
loadmodule "ctl.so"
loadmodule "jsonrpcs.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
modparam("ctl", "binrpc", "unix:{home}/ctl")
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "{home}/jsonrpc")
modparam("jsonrpcs", "dgram_timeout", 5000)
modparam("usrloc", "use_domain", {use_domain})
modparam("nathelper|registrar", "received_avp", "$avp(received)")
request_route {{
    # As behind a NAT: the packet's source is kept with the binding.
    if ($tU == "bob") {{
        fix_nated_register();
    }}
    save("location");
}}
"""


def record(directory: Path) -> None:
    """The same bindings with and without domains in usrloc; the hostile ones in files of their own."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, use_domain, extra in (("plain", 1, ()), ("users", 0, ()), ("folded", 1, (_folded(),))):
        with _kamailio(use_domain) as home:
            for source, message in (*_messages(), *extra):
                _send(source, message)
            (directory / f"{name}.txt").write_bytes(_kamcmd(home))
            (directory / f"{name}.json").write_bytes(_jsonrpc(home))


def _messages() -> Iterator[tuple[str, bytes]]:
    contact = f'<sip:alice@{_PHONES[0]}:5060;ob>;+sip.instance="<urn:uuid:{_INSTANCE}>";reg-id=1'
    yield _PHONES[0], _register("alice", _PHONES[0], contact, "one@phone", 7)
    yield _PHONES[1], _register("bob", _PHONES[1], f"<sip:bob@{_PHONES[1]}:5062>;q=0.5", "two@phone", 1)
    yield _PHONES[1], _register("bob", _PHONES[1], "<sip:bob@phone.example:5064>", "three@phone", 2)
    yield _PHONES[2], _register("carol", f"[{_PHONES[2]}]", f"<sip:carol@[{_PHONES[2]}]>", "four@phone", 3)
    gone = f"<sip:dave@{_PHONES[0]}>"
    yield _PHONES[0], _register("dave", _PHONES[0], gone, "five@phone", 1)
    yield _PHONES[0], _register("dave", _PHONES[0], f"{gone};expires=0", "five@phone", 2)


def _folded() -> tuple[str, bytes]:
    """A phone that folds its User-Agent so that text which is not escaped shows another user's binding."""
    lines = ("x", "Contacts: {", "AoR: victim@visited.example", "Contact: {", "Address: sip:victim@203.0.113.66", "y")
    contact = f"<sip:mallory@{_PHONES[0]}>"
    return _PHONES[0], _register("mallory", _PHONES[0], contact, "six@phone", 1, "\n\t\t\t".join(lines))


def _register(user: str, host: str, contact: str, call_id: str, cseq: int, agent: str = "lab-phone") -> bytes:
    lines = [
        "REGISTER sip:visited.example SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{user}{cseq}",
        f"From: <sip:{user}@visited.example>;tag={user}",
        f"To: <sip:{user}@visited.example>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} REGISTER",
        f"Contact: {contact}",
        "Expires: 600",
        f"User-Agent: {agent}",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def _kamailio(use_domain: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=_NAMESPACE) as name:
        home = Path(name)
        config = home / "kamailio.cfg"
        config.write_text(_CONFIG.format(server=_SERVER, home=home, use_domain=use_domain), encoding="ascii")
        _ip("netns", "add", _NAMESPACE)
        try:
            _ip("-n", _NAMESPACE, "link", "set", "lo", "up")
            for address in (_SERVER, "2001:db8:1::5", *_PHONES):
                _ip("-n", _NAMESPACE, "address", "add", address, "dev", "lo")
            command = ["kamailio", "-DD", "-E", "-f", str(config), "-Y", str(home), "-P", str(home / "pid")]
            server = subprocess.Popen(["ip", "netns", "exec", _NAMESPACE, *command])
            try:
                _wait_for(home / "jsonrpc", server)
                yield home
            finally:
                server.terminate()
                server.wait(10)
        finally:
            _ip("netns", "delete", _NAMESPACE)


def _wait_for(path: Path, server: subprocess.Popen[bytes]) -> None:
    for _try in range(100):
        if path.exists():
            # The workers come up after the socket.
            time.sleep(1)
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("Kamailio did not start")


def _send(source: str, message: bytes) -> None:
    """Send from inside the namespace: a thread has a network namespace of its own."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            _enter_namespace()
            v6 = ":" in source
            with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.settimeout(5)
                sender.bind((source, 5060))
                sender.sendto(message, ("2001:db8:1::5" if v6 else _SERVER, 5060))
                answer = sender.recv(65535)
            if not answer.startswith(b"SIP/2.0 200 "):
                raise RuntimeError(answer.decode(errors="replace"))
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _enter_namespace() -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{_NAMESPACE}", "rb") as namespace:
        if libc.setns(namespace.fileno(), 0x40000000):  # CLONE_NEWNET; os.setns comes with Python 3.12
            raise OSError(ctypes.get_errno(), "setns")


def _kamcmd(home: Path) -> bytes:
    return subprocess.run(["kamcmd", "-s", f"unix:{home}/ctl", "ul.dump"], capture_output=True, check=True).stdout


def _jsonrpc(home: Path) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.bind(str(home / "client"))
        client.sendto(b'{"jsonrpc":"2.0","method":"ul.dump","id":1}', str(home / "jsonrpc"))
        return client.recv(1 << 20)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
