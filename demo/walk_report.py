"""What came of the walk: tables, ``walk.json``, ``walk.svg``."""

from __future__ import annotations

import json
from pathlib import Path

from demo.picture import Panel, draw, rows_of
from demo.screen import Screen
from demo.walk import Walk

__all__ = ["told"]

_NAMES = {"a": "home to A", "b": "from A to B", "d": "from B to D"}
_SESSIONS = {"tcp": "TCP", "udp": "UDP", "rtp": "RTP of the call"}
#: Seconds that a panel shows before its move, and after the longest silence.
_BEFORE, _AFTER = 1.0, 1.0


def told(directory: Path, screen: Screen, walk: Walk, *, restored: bool) -> bool:
    """Print and write it; whether all went well."""
    called = {one.lan: one.through for one in walk.reached}
    good = {
        "sessions": bool(walk.silences) and all(one.alive for one in walk.silences.values()),
        "calls": all(one.through for one in walk.reached) and set(called) == {"a", "b", "d"} and len(walk.reached) == 4,
        "ended": walk.ended,
        "asked": bool(walk.asked) and all(one.yes for one in walk.asked),
        # A REGISTER and a NOTIFY at each visited network.
        "wire": len(walk.wire) >= 4 and not any(one.wrong for one in walk.wire),
        "restored": restored,
    }
    _write(directory / "walk.json", walk, good)
    _draw(directory / "walk.svg", walk)
    screen.chapter("In figures")
    screen.table(
        ["walk", "session", "", "gap ms", "packets lost"],
        [
            [_NAMES[lan], _SESSIONS[stream], "alive" if one.alive else "DEAD", f"{one.gap * 1000:.0f}", str(one.lost)]
            for (lan, stream), one in walk.silences.items()
        ],
    )
    screen.text()
    screen.table(
        ["carol calls alice at", "", "taken at", "ms"],
        [
            [one.lan.upper(), "through" if one.through else "NOT THROUGH", one.contact, f"{one.seconds * 1000:.0f}"]
            for one in walk.reached
        ],
    )
    screen.text()
    screen.table(
        ["walk", "registered after ms", "routers after ms"],
        [
            [_NAMES[leg.lan], f"{(leg.told - leg.moved) * 1000:.0f}", f"{(leg.programmed - leg.moved) * 1000:.0f}"]
            for leg in walk.legs
        ],
    )
    screen.text("\ndemo/walk.json, demo/walk.svg. The lab is still up; make lab-down removes it.")
    return all(good.values())


def _write(path: Path, walk: Walk, good: dict[str, bool]) -> None:
    report: dict[str, object] = {
        **good,
        "walks": [
            {
                "to": leg.lan,
                "registered_ms": round((leg.told - leg.moved) * 1000, 1),
                "programmed_ms": round((leg.programmed - leg.moved) * 1000, 1),
                "sessions": {
                    stream: {"alive": one.alive, "gap_ms": round(one.gap * 1000, 1), "lost": one.lost}
                    for (lan, stream), one in walk.silences.items()
                    if lan == leg.lan
                },
            }
            for leg in walk.legs
        ],
        "calls_to_alice": [
            {
                "at": one.lan,
                "through": one.through,
                "contact": one.contact,
                "setup_ms": round(one.seconds * 1000, 1),
                "heard": dict(one.heard or {}),
            }
            for one in walk.reached
        ],
        "home_asked": [{"asker": one.asker, "aor": one.aor, "old": one.old, "held": one.yes} for one in walk.asked],
    }
    report["wire_messages"] = [
        {
            "method": one.method,
            "from": str(one.at),
            "to": str(one.to),
            "differs": list(one.wrong),
            "besides": list(one.beside),
        }
        for one in walk.wire
    ]
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _draw(path: Path, walk: Walk) -> None:
    after = max(one.gap for one in walk.silences.values()) + _AFTER
    rows = [row for stream, files in walk.files.items() for row in rows_of(stream, files)]
    panels = [
        Panel(
            _NAMES[leg.lan],
            leg.moved,
            _BEFORE,
            after,
            [("registered", leg.told), ("routers acknowledged", leg.programmed)],
        )
        for leg in walk.legs
    ]
    draw(path, "Packets received on the walk; one mark is one packet", rows, panels, width=1400)
