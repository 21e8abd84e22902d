"""The picture: packets of both streams over time, the move and each router step marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.analysis import read

_LEFT, _RIGHT, _TOP, _ROW, _WIDTH = 150, 20, 96, 44, 1000
_BEFORE = 1.0
_COLOURS = {"tcp": "#1f6fb2", "udp": "#c7691b"}


def draw(path: Path, files: Mapping[str, Path], move: float, steps: Sequence[tuple[str, str, float]]) -> None:
    """Write the picture.

    :param files: name of each end to its log of ``lab.streams``.
    :param move: when the link went down, monotonic seconds.
    :param steps: phase, router, and when it began.
    """
    events = {node: read(file) for node, file in files.items()}
    end = min(log[-1]["t"] for log in events.values())
    span = end - move + _BEFORE

    def x(at: float) -> float:
        return float(_LEFT + (at - move + _BEFORE) / span * (_WIDTH - _LEFT - _RIGHT))

    rows = [(stream, node) for stream in ("tcp", "udp") for node in ("mn", "cn")]
    bottom = _TOP + _ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 60 + 18 * len(steps)}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT}" y="28" font-size="18" font-weight="bold">Packets received across the move</text>',
        f'<text x="{_LEFT}" y="50" fill="#555">One mark is one packet. The phone moves from A to B at 0 s.</text>',
    ]
    for index, (stream, node) in enumerate(rows):
        y = _TOP + index * _ROW
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 20}" text-anchor="end">{stream.upper()}, heard by {node}</text>')
        heard = [e["t"] for e in events[node] if e["event"] == "received" and e["stream"] == stream]
        marks = "".join(f"M{x(at):.1f} {y + 4}v22" for at in heard if at > move - _BEFORE)
        parts.append(f'<path d="{marks}" stroke="{_COLOURS[stream]}" stroke-width="1" opacity="0.75"/>')
    parts.append(f'<path d="M{x(move):.1f} {_TOP - 10}V{bottom}" stroke="#b00020" stroke-width="2"/>')
    parts.append(f'<text x="{x(move):.1f}" y="{_TOP - 16}" fill="#b00020" text-anchor="middle">move</text>')
    for number, (phase, router, at) in enumerate(steps, 1):
        parts.append(f'<path d="M{x(at):.1f} {_TOP - 10}V{bottom}" stroke="#333" stroke-dasharray="4 3"/>')
        lift = 16 + 14 * ((number + 1) % 2)
        parts.append(f'<text x="{x(at):.1f}" y="{_TOP - lift}" text-anchor="middle" fill="#333">{number}</text>')
        words = f"{number}: {phase} on router {router[1:].upper()}, {at - move:.2f} s after the move"
        parts.append(f'<text x="{_LEFT}" y="{bottom + 48 + 18 * number}" fill="#333">{words}</text>')
    for second in range(-1, int(span - _BEFORE) + 1):
        at = x(move + second)
        parts.append(f'<text x="{at:.1f}" y="{bottom + 22}" text-anchor="middle" fill="#555">{second} s</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
