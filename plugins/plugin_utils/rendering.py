# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vendor text from the templates, the one place where vendor syntax is written.

An operator's own directory comes first: a file of the same name there replaces ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..module_utils.errors import HandoverError

__all__ = ["Renderer"]

_OURS = Path(__file__).resolve().parents[2] / "templates"


class Renderer:
    """Renders templates by their name, ``<platform>/<file>``.

    :param template_dir: an operator's directory of templates that replace ours.
    :raises HandoverError: ``bad_template_dir``.
    """

    def __init__(self, template_dir: str | None = None) -> None:
        places = [str(_OURS)]
        if template_dir:
            if not Path(template_dir).is_dir():
                raise HandoverError("bad_template_dir", template_dir, "a template directory exists")
            places.insert(0, template_dir)
        self._environment = Environment(
            loader=FileSystemLoader(places),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # router commands, not HTML; values are typed before they come here
        )

    def ours(self, name: str) -> bool:
        """Whether a template is ours: no operator has replaced it."""
        found = self._environment.get_template(name).filename
        return found is not None and Path(found).is_relative_to(_OURS)

    def render(self, name: str, context: Mapping[str, object]) -> str:
        """The text of a template.

        :raises HandoverError: ``bad_template`` with the template's own message.
        """
        try:
            return self._environment.get_template(name).render(context)
        except Exception as error:  # an operator's template may compute, and fail, in any way
            raise HandoverError(
                "bad_template",
                f"{name}: {error}" if str(error) else f"{name}: {type(error).__name__}",
                "a template renders",
                "Correct the overriding template, or remove it.",
            ) from error
