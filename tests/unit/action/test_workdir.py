# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a run: private, and gone with the run, also when the run fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - sipmobility.handover.workdir:
      register: made
    - ansible.builtin.copy:
        content: held
        dest: "{{ made.path }}/state.json"
        mode: "0600"
    - ansible.builtin.stat:
        path: "{{ made.path }}"
      register: seen
    - ansible.builtin.debug:
        msg: "mode {{ seen.stat.mode }} in {{ made.path | dirname | dirname }}"
    - ansible.builtin.fail:
      when: fails
"""


@pytest.mark.parametrize("fails", [False, True])
def test_it_is_private_and_goes_with_the_run(tmp_path: Path, fails: bool) -> None:
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(_PLAYBOOK, encoding="utf-8")
    place = tmp_path / "local"
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-i",
            "localhost,",
            "-c",
            "local",
            str(playbook),
            "-e",
            f'{{"fails": {str(fails).lower()}}}',
        ],
        env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(place)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == (2 if fails else 0), ran.stdout
    assert f"mode 0700 in {place}" in ran.stdout
    assert list(place.iterdir()) == []
