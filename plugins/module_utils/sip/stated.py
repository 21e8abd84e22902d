# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that are made by the thousand."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Dict, Type, TypeVar

__all__ = ["form", "stated"]

_T = TypeVar("_T")
_new, _set = object.__new__, object.__setattr__


def stated(kind: Type[_T], fields: Dict[str, object]) -> _T:
    """An instance of a frozen dataclass with these fields, in their order, none left out.

    The constructor of a frozen dataclass sets one field after the other past its own lock: twice the time of this.
    It is for dataclasses without ``__post_init__`` and slots.
    """
    made = _new(kind)
    _set(made, "__dict__", fields)
    return made


def form(kind: type) -> Dict[str, object]:
    """The fields of a dataclass in their order, with their defaults, None without one: to be copied and filled in.

    To copy a dictionary and change half of it takes half the time of writing all of it.
    """
    return {field.name: None if field.default is MISSING else field.default for field in fields(kind)}
