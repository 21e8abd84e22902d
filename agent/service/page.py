# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service as one page of HTML: read-only, and nothing of it comes from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .timelines import Moment

__all__ = ["page"]

#: Handovers that are shown; the others are in ``/status``.
_SHOWN = 500


def page(told: Mapping[str, Any], timelines: Mapping[str, Sequence[Moment]], now: float) -> bytes:
    """The page.

    :param told: as ``/status`` tells it.
    :param timelines: what happened to each handover.
    :param now: Unix seconds.
    """
    handovers = sorted(told["handovers"], key=lambda one: -float(one["changed"]))
    shown = [{**one, "timeline": timelines.get(one["id"], ())} for one in handovers[:_SHOWN]]
    context = {**told, "handovers": shown, "left_out": len(handovers) - len(shown), "now": now}
    return _TEMPLATE.render(context).encode()


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _precise(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3]


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_ENVIRONMENT.filters |= {"clock": _clock, "precise": _precise}
_TEMPLATE = _ENVIRONMENT.get_template("page.html")
