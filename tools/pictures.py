"""The pictures of the documentation: python -m tools.pictures writes docs/pictures/*.svg.

What a packet looks like on its way is not drawn by hand: the planner's own walk tells it, so picture and code are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from ipaddress import ip_address, ip_network
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, Walk, trace
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan

PLACE = Path(__file__).resolve().parent.parent / "docs" / "pictures"
OLD, NEW, PEER = map(ip_address, ("1.1.1.1", "2.2.2.2", "3.3.3.3"))
INK, GREY, RED, GREEN = "#222", "#777", "#b00020", "#1b7f3b"
#: The old address, the new one, the correspondent's.
COLOURS: Mapping[Address, str] = {OLD: "#b5541c", NEW: "#1f6fb2", PEER: INK}
TOPOLOGY = Topology(
    Router(name, (ip_network(f"{number}.{number}.{number}.0/24"),), "nftables", "lan", "wan")
    for number, name in enumerate(("ra", "rb", "rc"), 1)
)
HANDOVER = Handover(
    id="8d7ac21f98194017", old=OLD, new=NEW, expires=4102444800, sessions=(Session("tcp", 40000, PEER, 7000),)
)
#: Where the phone, its router, the correspondent's router and the correspondent stand.
_COLUMNS = (70, 270, 650, 850)
_FRAME = 138
#: Half the width of a host.
_HALF = 54


class Canvas:
    """A picture in the making."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            f'font-size="13" role="img"><title>{escape(title)}</title>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
            'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs>',
            '<rect width="100%" height="100%" fill="#fff"/>',
        ]

    def text(self, x: float, y: float, words: str, fill: str = INK, anchor: str = "middle", **more: object) -> None:
        extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
        self._parts.append(f'<text x="{x}" y="{y}" fill="{fill}" text-anchor="{anchor}"{extra}>{words}</text>')

    def box(self, x: float, y: float, width: float, height: float, fill: str = "#f4f1ea", stroke: str = INK) -> None:
        self._parts.append(
            f'<rect x="{x - width / 2}" y="{y - height / 2}" width="{width}" height="{height}" rx="6" fill="{fill}" '
            f'stroke="{stroke}"/>'
        )

    def line(self, path: str, stroke: str = INK, tip: bool = True, dashes: str = "") -> None:
        marker = ' marker-end="url(#tip)"' if tip else ""
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._parts.append(f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="1.6"{dashed}{marker}/>')

    def cross(self, x: float, y: float) -> None:
        self.line(f"M{x - 6} {y - 6}l12 12M{x - 6} {y + 6}l12 -12", RED, tip=False)

    @property
    def svg(self) -> str:
        return "\n".join([*self._parts, "</svg>"]) + "\n"


def steps() -> str:
    """A handover packet by packet: how both directions of one session fare after each stage of the plan."""
    planned = make_plan([HANDOVER], TOPOLOGY, {})
    states = {name: RouterState() for name in TOPOLOGY.routers}
    frames = [
        ("Before the move. The session runs between 1.1.1.1 and 3.3.3.3.", "ra", dict(states)),
        (
            "The phone is behind B, with the address 2.2.2.2. Nothing is done yet: the session is dying.",
            "rb",
            dict(states),
        ),
    ]
    told = {
        "decode": "Stage 1, decoders at B and C: they wait for packets that nobody sends yet, and harm nothing.",
        "encode": "Stage 2, encoders at B and C, in any order: both ways use the new address. The session is whole.",
    }
    for stage in planned.stages:
        for step in stage.steps:
            states[step.router] = step.applied(states[step.router])
        frames.append((told[stage.phase.value], "rb", dict(states)))
    canvas = Canvas(920, 20 + _FRAME * len(frames), "A handover, packet by packet")
    for number, (title, router, held) in enumerate(frames):
        _frame(canvas, 24 + number * _FRAME, title, router, held)
    return canvas.svg


def _frame(canvas: Canvas, top: float, title: str, at: str, states: Mapping[str, RouterState]) -> None:
    canvas.text(20, top + 6, escape(title), anchor="start", font_weight="bold")
    for x, words in zip(_COLUMNS, ("phone", at[1].upper(), "C", "correspondent"), strict=True):
        canvas.box(x, top + 62, 2 * _HALF if len(words) > 1 else 44, 84)
        canvas.text(x, top + 66, words)
    there = Packet(PEER, OLD, "tcp", 7000, 40000)
    _lane(canvas, top + 44, trace(there, "rc", TOPOLOGY, states), there, _COLUMNS[::-1], at)
    back = there.turned
    _lane(canvas, top + 92, trace(back, at, TOPOLOGY, states), back, _COLUMNS, at)


def _lane(canvas: Canvas, y: float, walk: Walk, sent: Packet, columns: tuple[int, ...], at: str) -> None:
    """One direction: the packet on each of the three links, as far as it comes."""
    crossing = [hop.packet for hop in walk.hops if hop.what.startswith("to ")]
    lost = "" if walk.delivered else "dropped: a foreign source (BCP 38)"
    if crossing and sent.destination == OLD and walk.host == OLD and at != "ra":
        lost = "goes to A, which the phone has left"
    shown = [sent, *(crossing[:1] if not lost else []), *([walk.packet] if not lost else [])]
    sign = 1 if columns[0] < columns[-1] else -1
    edges = [(columns[0] + _HALF * sign, columns[1] - 22 * sign), (columns[1] + 22 * sign, columns[2] - 22 * sign)]
    edges.append((columns[2] + 22 * sign, columns[3] - _HALF * sign))
    for packet, (start, end) in zip(shown, edges, strict=False):
        canvas.line(f"M{start} {y}H{end}", GREEN if not lost else GREY)
        canvas.text((start + end) / 2, y - 6, _ends(packet), font_size=12)
    if lost:
        start, end = edges[1]
        middle = (start + end) / 2
        canvas.line(f"M{start} {y}H{start + (middle - start) * 0.35}", GREY, tip=False, dashes="4 3")
        canvas.cross(start + (middle - start) * 0.4, y)
        canvas.text(middle, y - 12, escape(lost), RED, font_size=12)


def _ends(packet: Packet) -> str:
    return f"{_shown(packet.source)} → {_shown(packet.destination)}"


def overview() -> str:
    """What a handover does, in one picture: a call, a move that nobody helps, and one that is handed over."""
    canvas = Canvas(940, 680, "A phone moves in the middle of a call, and the call goes on")
    _scene(canvas, 0, "1. A call. To both ends, its sessions are between 1.1.1.1 and 3.3.3.3.", OLD)
    canvas.line("M158 72H238M342 80L588 104M692 112H772", GREEN, tip=False)
    _scene(canvas, 190, "2. The phone moves, and its address changes. Without help, every open session dies.", NEW)
    canvas.line("M772 302H692M588 294L400 275", RED, tip=False)
    canvas.cross(386, 273)
    canvas.text(400, 258, "to A, where nobody is any more", RED, anchor="start", font_size=12)
    canvas.line("M158 342H238M342 342H372", RED, tip=False)
    canvas.cross(386, 342)
    canvas.text(400, 346, "dropped: 1.1.1.1 is no address of B's network", RED, anchor="start", font_size=12)
    _handed_over(canvas)
    return canvas.svg


def _scene(canvas: Canvas, top: float, title: str, address: Address) -> None:
    """Two networks for the phone on the left, its correspondent on the right; the phone has that address."""
    canvas.text(20, top + 30, title, anchor="start", font_size=16)
    for y, name, here in ((72, "router A", OLD), (152, "router B", NEW)):
        _router(canvas, 290, top + y, name)
        if here == address:
            _host(canvas, 92, top + y, "phone", address)
    _router(canvas, 640, top + 112, "router C")
    _host(canvas, 838, top + 112, "correspondent", PEER)
    if address != OLD:
        canvas.box(92, top + 72, 132, 52, "#fff", GREY)
        canvas.text(92, top + 77, "it was here", GREY)
        canvas.line(f"M92 {top + 100}V{top + 122}", GREY, dashes="5 4")


def _handed_over(canvas: Canvas) -> None:
    """The third scene: who tells whom, and what each end and the way between them see."""
    canvas.text(20, 410, "3. With a handover, the open sessions go on.", anchor="start", font_size=16)
    canvas.box(92, 460, 132, 52, "#fff")
    canvas.text(92, 465, "SIP server")
    canvas.box(465, 460, 230, 56, "#fdf3d8")
    canvas.text(465, 456, "sipmobility.handover", font_weight="bold")
    canvas.text(465, 475, "checks, plans, configures routers", font_size=12)
    for x, name in ((290, "router B"), (640, "router C")):
        _router(canvas, x, 600, name)
    _host(canvas, 92, 600, "phone", NEW)
    _host(canvas, 838, 600, "correspondent", PEER)
    canvas.line("M92 573V490")
    canvas.text(102, 526, "① registers:", anchor="start", font_size=12)
    canvas.text(102, 544, f"was {_shown(OLD)}, is {_shown(NEW)}", anchor="start", font_size=12)
    canvas.line("M159 460H346")
    canvas.text(252, 450, "② who moved", font_size=12)
    canvas.line("M408 490L326 571", "#8a6d1a")
    canvas.line("M522 490L604 571", "#8a6d1a")
    canvas.text(465, 532, "③ two rewrites each,", font_size=12)
    canvas.text(465, 550, "in the order that is safe", font_size=12)
    canvas.line("M158 600H238M342 600H588M692 600H772", GREEN, tip=False)
    for x, told, address in ((92, "the phone's session:", OLD), (465, "on the way:", NEW), (838, "its session:", OLD)):
        canvas.text(x, 645, told, GREY, font_size=12)
        canvas.text(x, 663, f"{_shown(address)} ↔ {PEER}", font_size=12)


def _router(canvas: Canvas, x: float, y: float, name: str) -> None:
    canvas.box(x, y, 104, 48)
    canvas.text(x, y + 5, name)


def _host(canvas: Canvas, x: float, y: float, name: str, address: Address) -> None:
    canvas.box(x, y, 132, 52, "#e7f1fa")
    canvas.text(x, y - 4, name)
    canvas.text(x, y + 15, str(address), COLOURS[address])


def _shown(address: Address) -> str:
    return f'<tspan fill="{COLOURS[address]}">{address}</tspan>'


PICTURES = {"overview": overview, "steps": steps}


def main() -> None:
    """Write all pictures."""
    PLACE.mkdir(exist_ok=True)
    for name, drawn in PICTURES.items():
        (PLACE / f"{name}.svg").write_text(drawn(), encoding="utf-8")


if __name__ == "__main__":
    main()
