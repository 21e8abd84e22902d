# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey of a job template, from the argument specification of what the template runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

#: What AWX calls an answer of each type. Structures have no question: AWX hands every answer on as text or a number.
_TYPES = {"str": "text", "path": "text", "int": "integer", "float": "float", "list": "text"}
_UPPER = {"aor", "nat"}


def survey(
    options: Mapping[str, Mapping[str, Any]], names: Iterable[str], title: str = "", required: Iterable[str] = ()
) -> dict[str, Any]:
    """A question for each of these options, in this order, as ``survey_spec`` of AWX."""
    must = set(required)
    return {"name": title, "description": "", "spec": [_question(name, options, must) for name in names]}


def _question(name: str, options: Mapping[str, Mapping[str, Any]], must: set[str]) -> dict[str, Any]:
    if name not in options:
        raise AnsibleFilterError(f"sipmobility.handover.survey: {name} is no option; there are {', '.join(options)}")
    option = options[name]
    kind = option.get("type", "str")
    if kind == "bool":
        choices, asked = ["true", "false"], "multiplechoice"
    elif "choices" in option:
        choices, asked = list(option["choices"]), "multiplechoice"
    elif kind in _TYPES and option.get("elements", "str") == "str":
        choices, asked = [], "password" if option.get("no_log") else _TYPES[kind]
    else:
        raise AnsibleFilterError(f"sipmobility.handover.survey: {name} is {kind}, for which AWX has no question")
    question = {
        "question_name": _words(name),
        "question_description": _prose(option.get("description", "")),
        "variable": name,
        "type": asked,
        "required": name in must or bool(option.get("required")),
        "default": _default(option.get("default")),
        "choices": choices,
    }
    if asked in ("text", "password"):
        question |= {"min": 0, "max": 1024}
    return question


def _words(name: str) -> str:
    for prefix in ("first_hop_router_", "handover_agent_", "handover_"):
        if name.startswith(prefix):
            name = name[len(prefix) :]
            break
    words = [word.upper() if word in _UPPER else word for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def _prose(description: Any) -> str:
    return description if isinstance(description, str) else " ".join(description)


def _default(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else value


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"survey": survey}
