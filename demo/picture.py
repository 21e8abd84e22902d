"""The picture: packets of each session over time, a panel for each move, and what happened then marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.analysis import read

__all__ = ["Panel", "Row", "draw", "rows_of"]

_LEFT, _RIGHT, _TOP, _ROW, _BETWEEN = 150, 20, 132, 44, 60
_TICK = 48
_COLOURS = {"tcp": "#1f6fb2", "udp": "#c7691b", "rtp": "#2e7d4f"}


@dataclass(frozen=True)
class Row:
    """What one end of a session has heard: monotonic seconds of each packet."""

    label: str
    colour: str
    heard: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """A move.

    :ivar move: when the link went down, monotonic seconds.
    :ivar before: seconds that are shown before it, and so ``after``.
    :ivar marks: what happened, and when.
    """

    title: str
    move: float
    before: float
    after: float
    marks: Sequence[tuple[str, float]]


def rows_of(stream: str, files: Mapping[str, Path]) -> Iterator[Row]:
    """The rows of a session: one for each end, from the logs of ``lab.streams`` and ``lab.voice``."""
    for node, file in files.items():
        heard = [one["t"] for one in read(file) if one["event"] == "received" and one["stream"] == stream]
        yield Row(f"{stream.upper()}, heard by {node}", _COLOURS[stream], heard)


def draw(path: Path, title: str, rows: Sequence[Row], panels: Sequence[Panel], width: int = 1000) -> None:
    """Write the picture."""
    bottom = _TOP + _ROW * len(rows)
    most = max(len(panel.marks) for panel in panels)
    room = (width - _LEFT - _RIGHT - _BETWEEN * (len(panels) - 1)) / len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 60 + 18 * most}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT}" y="28" font-size="18" font-weight="bold">{title}</text>',
    ]
    for index, row in enumerate(rows):
        y = _TOP + index * _ROW
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 20}" text-anchor="end">{row.label}</text>')
    for index, panel in enumerate(panels):
        parts += _drawn(panel, rows, _LEFT + index * (room + _BETWEEN), room, bottom)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _drawn(panel: Panel, rows: Sequence[Row], left: float, room: float, bottom: int) -> Iterator[str]:
    """One panel."""
    begin, end = panel.move - panel.before, panel.move + panel.after

    def x(at: float) -> float:
        return left + (at - begin) / (end - begin) * room

    yield f'<text x="{left:.1f}" y="54" fill="#555">{panel.title}</text>'
    for index, row in enumerate(rows):
        y = _TOP + index * _ROW
        marks = "".join(f"M{x(at):.1f} {y + 4}v22" for at in row.heard if begin <= at <= end)
        yield f'<path d="{marks}" stroke="{row.colour}" stroke-width="1" opacity="0.75"/>'
    yield f'<path d="M{x(panel.move):.1f} {_TOP - 10}V{bottom}" stroke="#b00020" stroke-width="2"/>'
    yield f'<text x="{x(panel.move):.1f}" y="{_TOP - 16}" fill="#b00020" text-anchor="middle">move</text>'
    for number, (words, at) in enumerate(panel.marks, 1):
        if begin <= at <= end:
            yield f'<path d="M{x(at):.1f} {_TOP - 10}V{bottom}" stroke="#333" stroke-dasharray="4 3"/>'
            lift = 34 + 14 * ((number + 1) % 2)
            yield f'<text x="{x(at):.1f}" y="{_TOP - lift}" text-anchor="middle" fill="#333">{number}</text>'
        told = f"{number}: {words}, {at - panel.move:.2f} s after the move"
        yield f'<text x="{left:.1f}" y="{bottom + 48 + 18 * number}" fill="#333">{told}</text>'
    # As many figures as have room.
    span = panel.before + panel.after
    every = next(step for step in (1, 2, 5, 10, 30, 60, int(span) + 1) if step * room >= _TICK * span)
    for second in range(0, int(panel.after) + 1, every):
        at = x(panel.move + second)
        yield f'<text x="{at:.1f}" y="{bottom + 22}" text-anchor="middle" fill="#555">{second} s</text>'
