# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a change, as a platform's template has it; no router is needed for it."""

from __future__ import annotations

from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Platform
from .rendering import Renderer

__all__ = ["step_text"]


def step_text(platform: Platform, renderer: Renderer, change: Change, now: float, **router: object) -> str:
    """The text that makes a change.

    :param now: Unix seconds; timeouts count from here.
    :param router: what the template must know of the router at hand.
    :raises HandoverError: ``unsupported_entry``, ``expired``, ``bad_template``.
    """
    context = {**platform.settings, **platform.context(change, now), **router}
    return renderer.render(platform.step_template, context)
