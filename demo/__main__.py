"""The main job on real parts: live sessions through a move, without us and with us; exit status 1 if one died.

Usage: python -m demo [ROUTER=PLATFORM ...], for rb (visited) and rc (the correspondent's); nftables otherwise.
With AGENT=1 in the environment the resident service does it; else the playbook. The phone lists its sessions in its
registration then, as the client of this project does; with STOCK=1, too, it lists none, as phones that are sold: the
routers are asked for them, and that takes longer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from demo.picture import Panel, draw, rows_of
from demo.playbooks import PlaybookFailed, Report, play
from demo.screen import Screen
from demo.service import Service, ServiceFailed, serving
from lab import Lab
from lab.analysis import lost_since, read
from lab.platforms import KINDS
from lab.registrar import Registrar
from lab.runtime import LabError
from lab.snapshot import differences
from lab.traffic import Traffic, spawn, wait_for

_HERE = Path(__file__).resolve().parent
_ROUTERS = ("rb", "rc")
#: Seconds that the streams run after the move, without us and with us.
_WAIT = 6.0
#: Seconds from the end of a handover until nothing more is done about it.
_TIDY = 4.0

Streams = dict[str, dict[str, Any]]


def without_us(lab: Lab, screen: Screen, directory: Path) -> Streams:
    """The move alone."""
    screen.chapter("Without us: the phone moves from A to B")
    mn, cn = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    lab.home()
    with Traffic(lab, mn, cn, directory) as traffic, screen.working("TCP and UDP both ways, 50 packets a second"):
        time.sleep(2)
        move = lab.move("mn", "b")
        screen.moved(move.down)
        screen.line(f"moved: {mn} is now {move.new[0]}", at=move.up)
        time.sleep(_WAIT)
    streams = traffic.result(move.down)
    for name, stream in streams.items():
        screen.line(f"{name}: {'alive' if stream['alive'] else 'dead'}", good=not stream["alive"])
    return streams


def with_us(lab: Lab, screen: Screen, directory: Path) -> dict[str, Any]:
    """The move, the registration, the playbook."""
    screen.chapter("With us: the phone registers, and both routers are programmed from that")
    mn, cn = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    lab.home()
    registrar = Registrar(lab)
    registrar.clear()
    # Where it is at home, as any phone does: this is how the server knows whose the old address was.
    registrar.register_told(mn)
    screen.line(f"the phone is registered at {mn}")
    with ExitStack() as stack:
        service = None
        if os.environ.get("AGENT") == "1":
            service = stack.enter_context(serving(lab, directory, policy_of(lab)))
            screen.line("the service is ready: it follows the events, and holds a session to each router open")
            with screen.working("a first trip, to B and back: the first of all handovers is not what is timed"):
                _there_and_back(lab, registrar, service)
        traffic = stack.enter_context(Traffic(lab, mn, cn, directory))
        time.sleep(2)
        move = lab.move("mn", "b")
        screen.moved(move.down)
        screen.line(f"moved: {mn} is now {move.new[0]}", at=move.up)
        listed = traffic.listed if service is not None and os.environ.get("STOCK") != "1" else ()
        options = [word for session in listed for word in ("--session", session)]
        if service is not None:
            options += ["--linger", "0.5"]
        report, event = registrar.register_told(move.new[0], "--old", str(mn), *options)
        told_of = f"old address {mn}, {len(listed)} sessions listed" if service is not None else f"old address {mn}"
        screen.line(f"REGISTER answered {report['status']} by Kamailio, with digest, {told_of}")
        added: float | None = None
        began = 0.0
        if service is not None:
            told = service.wait_for("handover", kind="programmed", since=event["time"])
            began = event["time"]
            added, done = told["acknowledged"] - began, Report(service.steps(began), service.notes(began))
            screen.line(f"both routers acknowledged {added * 1000:.0f} ms after the registrar's event")
        else:
            done = _by_playbook(lab, registrar, screen, directory)
        for step in done.steps:
            screen.line(f"{step.name} on {step.router}, {step.ms:.0f} ms", at=_monotonic(step.started))
        for note in done.notes:
            screen.line(f"the plan says, {note['code']}: {note['text']}")
        # What the plan gave up because these routers cannot express it is shown, and is no failure.
        given_up = any(note["code"] == "widened" for note in done.notes)
        new_sessions = _new_sessions(lab, move.new[0], cn)
        for name, good in new_sessions.items():
            text = f"new TCP session {name.replace('_', ' ')}"
            if given_up and not good:
                screen.line(f"{text}: does not come up, as the plan says")
            else:
                screen.line(text, good=good)
        marks = [(step.name, step.router, _monotonic(step.started)) for step in done.steps]
        traffic.settle()
        time.sleep(_WAIT)
    streams = traffic.result(move.down)
    for name, stream in streams.items():
        screen.line(f"{name}: {'alive' if stream['alive'] else 'DEAD'}", good=stream["alive"])
    lost = None if added is None else lost_since("udp", traffic.files, _monotonic(began))
    if lost is not None:
        said = ", ".join(f"{count} of {end}" for end, count in lost.items())
        screen.line(f"of the UDP packets that were sent after the registrar's event, lost: {said}")
    _draw(traffic.files, move.down, marks)
    return {
        "streams": streams,
        "new_sessions": new_sessions,
        "given_up": given_up,
        "done": done,
        "old": str(mn),
        "added": added,
        "lost": lost,
    }


def _there_and_back(lab: Lab, registrar: Registrar, service: Service) -> None:
    """The phone moves to B, in a session, and home again."""
    mn, cn = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    away = lab.move("mn", "b").new[0]
    _report, event = registrar.register_told(away, "--old", str(mn), "--session", f"tcp:40000:{cn}:7101")
    service.wait_for("handover", kind="programmed", since=event["time"])
    lab.home()
    _report, event = registrar.register_told(mn)
    service.wait_for("handover", kind="ended", since=event["time"])
    # Its decoders go later, and then the routers put in order what they keep for their next boot.
    time.sleep(_TIDY)


def _draw(files: Mapping[str, Path], move: float, marks: Sequence[tuple[str, str, float]]) -> None:
    end = min(read(file)[-1]["t"] for file in files.values())
    told = [(f"{phase} on router {router[1:].upper()}", at) for phase, router, at in marks]
    panel = Panel("One mark is one packet. The phone moves from A to B at 0 s.", move, 1.0, end - move, told)
    rows = [row for stream in ("tcp", "udp") for row in rows_of(stream, files)]
    draw(_HERE / "handover.svg", "Packets received across the move", rows, [panel])


def _by_playbook(lab: Lab, registrar: Registrar, screen: Screen, directory: Path) -> Report:
    log = directory / "registrations.jsonl"
    log.write_text("\n".join(registrar.lines()) + "\n", encoding="utf-8")
    variables = {
        "handover_log": str(log),
        "handover_policy": policy_of(lab),
        "handover_mobile_node": "mn",
        # Where a router cannot hold single sessions: what all of them can, and the plan says what that costs.
        "handover_widen": True,
    }
    with screen.working("handover.yml: log, pair, sessions, plan, its steps") as work:
        return play("handover", directory, work, **variables)


def withdrawn(lab: Lab, screen: Screen, directory: Path, before: dict[str, Any], old: str) -> bool:
    """Whether withdraw.yml leaves the routers as a look from outside our code found them before."""
    screen.chapter("Taken away again")
    with screen.working("withdraw.yml") as work:
        play("withdraw", directory, work, handover_withdraw=[old])
    found = {name: differences(before[name], lab.snapshot(name)) for name in _ROUTERS}
    for name, lines in found.items():
        screen.line(f"{name} is what it was" if not lines else f"{name} differs:", good=not lines)
        for line in lines[:20]:
            screen.text(f"      {line}")
    return not any(found.values())


def main(arguments: Sequence[str]) -> int:
    """Tell the story, write report and picture."""
    platforms = dict(argument.split("=", 1) for argument in arguments)
    if not set(platforms) <= set(_ROUTERS) or not set(platforms.values()) <= set(KINDS):
        print(
            f"usage: python -m demo [ROUTER=PLATFORM ...]: {', '.join(_ROUTERS)}; {', '.join(KINDS)}", file=sys.stderr
        )
        return 2
    screen = Screen()
    try:
        with tempfile.TemporaryDirectory(prefix="sipmobility-demo-") as name:
            return _story(screen, Path(name), platforms)
    except (LabError, PlaybookFailed, ServiceFailed) as error:
        screen.text(f"\nFailed: {error}")
        return 1


def _story(screen: Screen, directory: Path, platforms: Mapping[str, str]) -> int:
    screen.chapter("The lab: a phone, two correspondents, four first-hop routers, a core, a SIP server")
    with screen.working("bringing it up"):
        lab = Lab.up(platforms)
    for name, platform in sorted(platforms.items()):
        about = KINDS[platform].about
        screen.line(f"{name} is a router of the platform {platform}{f': {about}' if about else ''}")
    with screen.working("site.yml: the role first_hop_router prepares the routers") as work:
        play("site", directory, work, first_hop_router_firewall="insert")
    before = {name: lab.snapshot(name) for name in _ROUTERS}
    dead = without_us(lab, screen, directory)
    told = with_us(lab, screen, directory)
    restored = withdrawn(lab, screen, directory, before, told["old"])
    lab.home()
    streams, steps, notes = told["streams"], told["done"].steps, told["done"].notes
    report = {
        "streams": {name: _brief(stream) for name, stream in streams.items()},
        "new_sessions": told["new_sessions"],
        "steps": [{"name": step.name, "router": step.router, "ms": step.ms} for step in steps],
        # With AGENT=1: from the registrar's event to the last router's acknowledgement, in milliseconds and in packets
        # of a stream of 50 a second; and those of the UDP stream that were lost from then on, by who has sent them.
        **({} if told["added"] is None else _added(told["added"], told["lost"])),
        # What the plan gave up where a router could not express it, and what it costs.
        "notes": [note["text"] for note in notes],
        "restored": restored,
        "without_us": {name: _brief(stream) for name, stream in dead.items()},
    }
    (_HERE / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    screen.chapter("In figures")
    rows = [
        [
            name,
            where,
            "alive" if stream["alive"] else "dead",
            f"{stream['gap_ms']:.0f}",
            str(stream["lost"]),
            ", ".join(f"{one['end']}: {one['error'] or one['event']}" for one in stream["errors"]) or "none",
        ]
        for where, found in (("without us", dead), ("with us", streams))
        for name, stream in found.items()
    ]
    screen.table(["stream", "", "", "gap ms", "packets lost", "errors"], rows)
    screen.text()
    screen.table(["step", "router", "ms"], [[step.name, step.router, f"{step.ms:.0f}"] for step in steps])
    screen.text("\ndemo/report.json, demo/handover.svg. The lab is still up: python -m lab exec rb -- nft list ruleset")
    screen.text("make lab-down removes it.")
    new_sessions = all(told["new_sessions"].values()) or told["given_up"]
    good = all(stream["alive"] for stream in streams.values()) and new_sessions and restored
    if not good:
        screen.text("FAILED: a session died, a new one was refused, or a router is not what it was.")
    return 0 if good else 1


def policy_of(lab: Lab) -> dict[str, Any]:
    """Whom to believe in the lab."""
    networks = {
        name: [str(lan.gateway.v4.network), str(lan.gateway.v6.network)] for name, lan in lab.topology.lans.items()
    }
    infrastructure = [str(ip) for lan in lab.topology.lans.values() for ip in lan.gateway.ips]
    infrastructure += [
        str(ip) for node in lab.topology.of_kind("sip_server") for ip in lab.topology.address(node.name).ips
    ]
    # The lab's phone speaks UDP; a real network asks for TLS, which is the default.
    return {"managed_networks": networks, "infrastructure": infrastructure, "require_secure_transport": False}


def _new_sessions(lab: Lab, new: object, cn: object) -> dict[str, bool]:
    """New TCP sessions while the old ones go on: to the new address, and from it."""
    found = {}
    for name, server, client, to in (("from_cn", "mn", "cn", new), ("from_mn", "cn", "mn", cn)):
        echo = spawn(lab, server, "echo", "--duration", "20")
        try:
            wait_for(echo, '"ready"')
            found[name] = lab.python(client, "lab.streams", "new-session", "--to", str(to)).returncode == 0
        finally:
            echo.terminate()
            echo.communicate(timeout=10)
    return found


def _added(seconds: float, lost: Mapping[str, int]) -> dict[str, Any]:
    return {
        "programming_ms": round(seconds * 1000, 1),
        "programming_packets": round(seconds * 50, 1),
        "programming_lost": dict(lost),
    }


def _brief(stream: dict[str, Any]) -> dict[str, Any]:
    return {key: stream[key] for key in ("alive", "gap_ms", "lost")}


def _monotonic(unix: float) -> float:
    return unix - time.time() + time.monotonic()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
