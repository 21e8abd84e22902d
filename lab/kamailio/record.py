"""Records the event lines that the tests of the parser read, from the running server.

``python -m lab.kamailio.record tests/fixtures/kamailio`` with the lab up.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from lab.lab import Lab
from lab.phone import TAG
from lab.registrar import Registrar

INSTANCE = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


def record(directory: Path) -> None:
    """One file per case, each with the line of that case alone; ``session.jsonl`` has them all in their order."""
    lab = Lab.up()
    registrar = Registrar(lab)
    lab.home()
    registrar.clear()
    old4, old6 = (str(ip) for ip in lab.topology.address("mn").ips)
    new4, new6 = (str(ip) for ip in lab.topology.address("mn", "b").ips)

    def contact(user: str, host: str) -> str:
        return f'<sip:{user}@{host}:5060>;+sip.instance="<urn:uuid:{INSTANCE}>"'

    def tell(name: str, local: str, *options: str, user: str = "alice") -> None:
        _, event = registrar.register_told(local, "--port", "5060", *options, user=user)
        line = next(line for line in registrar.lines() if json.loads(line) == event)
        (directory / f"{name}.jsonl").write_text(line + "\n", encoding="ascii")

    one = ["--call-id", "one@phone", "--cseq"]
    at_home, away = contact("alice", old4), contact("alice", new4)
    tell("register_untagged", old4, "--contact", at_home, *one, "1")
    tell("register_refresh", old4, "--contact", at_home, *one, "3")
    # A binding with the same AOR and instance is replaced, whatever its address family: IPv6 has its own phone here.
    tell("register_ipv6_untagged", old6, "--contact", contact("carol", f"[{old6}]"), user="carol")
    tell("register_no_instance", old4, "--call-id", "bob@phone", user="bob")
    lab.move("mn", "b")
    tell("register_tagged", new4, "--old", old4, "--contact", away, *one, "5")
    tell("register_tagged_refresh", new4, "--old", old4, "--contact", away, *one, "7")
    sessions = ["--session", "tcp:40001:198.51.100.10:7100", "--session", "udp:4000:198.51.100.10:5004"]
    tell("register_sessions", new4, "--old", old4, "--contact", away, *sessions)
    tell("register_sessions_auth", new4, "--old", old4, "--contact", away, *sessions, "--qop", "auth")
    bob = f"<sip:bob@{registrar.domain}>;tag=7"
    tell("notify_sessions", new4, "--old", old4, "--contact", away, *sessions, "--notify", bob)
    tell("register_two_old", new4, "--old", old4, "--old", "198.18.40.50", "--contact", away)
    tell("register_ipv6", new6, "--old", old6, "--contact", contact("carol", f"[{new6}]"), user="carol")
    swap = ["--contact", f"<sip:bob@{old4}:5060>;expires=0", "--contact", f"<sip:bob@{new4}:5060>"]
    tell("register_remove_and_add", new4, *swap, "--call-id", "bob@phone", "--cseq", "3", user="bob")
    tell("register_expires0", new4, "--contact", away, "--expires", "0", *one, "9")
    odd = [f'{TAG}: "é \\"<null>\\"" <sip:bob@{old4}>', "m: Bob\r\n <sip:bob@203.0.113.50:5062>;q=0.5;expires=6"]
    lines = [part for line in odd for part in ("--header", line)]
    tell("register_odd", new4, "--require", TAG, *lines, user="bob")

    while not any('"expired"' in line for line in registrar.lines()):
        time.sleep(0.5)
    expired = [line + "\n" for line in registrar.lines() if '"expired"' in line]
    (directory / "expired.jsonl").write_text("".join(expired), encoding="ascii")
    (directory / "session.jsonl").write_text("".join(f"{line}\n" for line in registrar.lines()), encoding="ascii")
    # The same events as journald keeps them.
    journal = ["journalctl", "--boot", "--output", "json", "SYSLOG_FACILITY=17", "--lines", "3"]
    (directory / "journal.jsonl").write_text(lab.run("pcscf", journal).stdout, encoding="utf-8")
    lab.home()


if __name__ == "__main__":
    record(Path(sys.argv[1]))
