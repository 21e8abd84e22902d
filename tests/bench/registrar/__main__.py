# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-registrar``: what telling of registrations costs the server. It prints.

Usage: python -m tests.bench.registrar [seconds]    (60)

Needs root. sipp registers 500 phones a second, each with digest, the tag on one in ten: in turns at the role's server,
with the way of its event lines to a file, and at a plain Kamailio with the same digest, which tells nothing. Both run
all the time, in a network namespace. The latency is that of the REGISTER with credentials, until its 200, of one more
phone that registers meanwhile, some 40 times a second: sipp counts whole milliseconds.
"""

from __future__ import annotations

import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.phone import Phone, Request, credentials

from ...kernel.sip.logged import Logged
from ...kernel.sip.network import private_network
from ...unit.roles.private_kamailio import DOMAIN, Kamailio

_OURS, _PLAIN, _PHONES = "203.0.113.2", "203.0.113.3", "198.51.100.20"
_RATE, _TAGGED, _USERS, _ROUND = 500, 50, 5000, 10
_PORT = 5060
_PASSWORD = "told-to-the-bench"
_PROBE = "probe"

_KAMAILIO = """#!KAMAILIO
LISTEN
log_stderror=yes
children=4
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "use_domain", 1)
modparam("auth", "nonce_count", 1)
modparam("auth", "qop", "auth")
request_route {
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("$td", "PASSWORD", "0")) {
            www_challenge("$td", "1");
            exit;
        }
        save("location");
        exit;
    }
    sl_send_reply("200", "OK");
}
"""
_REGISTER = """  <send retrans="500"><![CDATA[
REGISTER sip:{domain} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@{domain}>;tag=[call_number]
To: <sip:[field0]@{domain}>
Call-ID: [call_id]
CSeq: {cseq} REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
{more}Expires: 600
Content-Length: 0

]]></send>
"""
_TAG = """Require: com.cisco.TerminalMobilityUsingNat
com.cisco.TerminalMobilityUsingNat: <sip:[field0]@198.18.2.20>
"""


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with private_network((_OURS, _PLAIN, _PHONES)), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        users = [f"u{number}" for number in range(_USERS)]
        lines = (f"{user};[authentication username={user} password={_PASSWORD}]\n" for user in users)
        (directory / "users.csv").write_text("SEQUENTIAL\n" + "".join(lines))
        for tagged in (False, True):
            (directory / f"{_kind(tagged)}.xml").write_text(_scenario(tagged))
        table = [{"name": user, "domain": DOMAIN, "password": _PASSWORD} for user in ("alice", _PROBE, *users)]
        ours = Logged(directory, size="1g", settings={"sip_server_children": 4, "sip_server_users": table})
        (directory / "plain").mkdir()
        plain = Kamailio(directory / "plain", own=_KAMAILIO.replace("PASSWORD", _PASSWORD), address=_PLAIN, port=_PORT)
        try:
            _measure(directory, ours, seconds)
        finally:
            plain.stop()
            ours.close()


@dataclass
class _Found:
    """What one server did under load."""

    registrations: int = 0
    failed: int = 0
    probes: list[float] = field(default_factory=list)


def _measure(directory: Path, ours: Logged, seconds: int) -> None:
    found = {_OURS: _Found(), _PLAIN: _Found()}
    for turn in range(2 * max(1, seconds // _ROUND)):
        server = (_OURS, _PLAIN)[turn % 2]
        _load(directory / f"turn-{turn}", directory, server, found[server])
    one, other = found[_OURS], found[_PLAIN]
    lines = len(ours.lines(one.registrations + len(one.probes)))
    events = [event for event in ours.events(lines) if event["auth_user"] != _PROBE]
    tagged = sum(1 for event in events if event["tag_hex"])
    print(
        f"{_RATE} registrations a second, {one.registrations // _RATE} s each, {_TAGGED * 100 // _RATE} % with the tag"
    )
    print(f"{'':18}{'registrations':>14}{'failed':>8}{'median ms':>11}{'p99 ms':>9}")
    for name, it in (("role sip_server", one), ("plain Kamailio", other)):
        print(f"{name:18}{it.registrations:14}{it.failed:8}{_median(it):11.3f}{_p99(it):9.3f}")
    print(f"ratio of medians {_median(one) / _median(other):.2f}, of p99 {_p99(one) / _p99(other):.2f}")
    print(f"event lines {len(events)} for {one.registrations} registrations")
    print(f"event lines with the tag {tagged} for {one.registrations * _TAGGED // _RATE}")


def _load(place: Path, directory: Path, server: str, found: _Found) -> None:
    """Registrations for one round."""
    running = []
    for tagged, rate, port in ((False, _RATE - _TAGGED, 5060), (True, _TAGGED, 5062)):
        own = place / _kind(tagged)
        own.mkdir(parents=True)
        command = ["sipp", "-sf", directory / f"{_kind(tagged)}.xml", "-inf", directory / "users.csv", "-nostdin"]
        load = ["-r", rate, "-m", rate * _ROUND, "-i", _PHONES, "-p", port, "-trace_stat", "-trace_err"]
        with (own / "output").open("wb") as output:
            words = [str(word) for word in [*command, *load, f"{server}:{_PORT}"]]
            running.append((own, subprocess.Popen(words, cwd=own, stdout=output, stderr=output)))
    while any(process.poll() is None for _own, process in running):
        found.probes.append(_probe(server))
        time.sleep(0.025)
    for own, _process in running:
        (statistic,) = own.glob("*_.csv")
        names, *_between, last = statistic.read_text().splitlines()
        counted = dict(zip(names.split(";"), last.split(";"), strict=False))
        found.registrations += int(counted["SuccessfulCall(C)"])
        found.failed += int(counted["FailedCall(C)"])


def _probe(server: str) -> float:
    """Milliseconds until a REGISTER with credentials is accepted."""
    phone = Phone(_PHONES, server, _PORT, 0, 10)
    try:
        contact = f"<sip:{_PROBE}@{_PHONES}:5070>"
        asked = Request(_PROBE, _PROBE, DOMAIN, _PHONES, (contact,), 600, secrets.token_hex(8), 1)
        (challenge,) = phone.transact(asked).all("WWW-Authenticate")
        given = replace(asked, cseq=2, authorization=credentials(challenge, asked, _PASSWORD, "auth"))
        begun = time.perf_counter()
        assert phone.transact(given).status == 200
        return (time.perf_counter() - begun) * 1000
    finally:
        phone.close()


def _scenario(tagged: bool) -> str:
    more = (_TAG if tagged else "") + "[field1]\n"
    first = _REGISTER.format(domain=DOMAIN, cseq=1, more="")
    second = _REGISTER.format(domain=DOMAIN, cseq=2, more=more)
    challenged, accepted = '  <recv response="401" auth="true"/>\n', '  <recv response="200"/>\n'
    return f'<?xml version="1.0"?>\n<scenario name="register">\n{first}{challenged}{second}{accepted}</scenario>\n'


def _kind(tagged: bool) -> str:
    return "tagged" if tagged else "untagged"


def _median(found: _Found) -> float:
    return statistics.median(found.probes)


def _p99(found: _Found) -> float:
    return statistics.quantiles(found.probes, n=100)[98]


if __name__ == "__main__":
    main()
