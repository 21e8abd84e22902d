"""Build what a release consists of into dist/: python -m tools.release (make release makes its environment).

From what git knows and nothing else. Checked by galaxy-importer and ansible-builder; signed by nobody: a person does
that, elsewhere (docs/release.md).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.stages import ROOT

BUILD, DIST = ROOT / ".build" / "release", ROOT / "dist"
SOURCE = BUILD / "source"
CHECKS = BUILD / "venv" / "bin"
TOOLS = ROOT / ".venv" / "bin"
#: It has no other collection at hand, and says so of their modules; make lint knows those that may be used.
_COMPLAINT = re.compile(r"(ERROR|WARNING)(?!.*unknown-module.*'(awx\.awx|cisco\.ios)\.\w+')")
_PASSED = "Importer processing completed successfully"


def main() -> int:
    """Build and check; the exit status."""
    for place in (SOURCE, DIST):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    listed = _told("git", "ls-files", cwd=ROOT).splitlines()
    for name in listed:
        (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, SOURCE / name)
    _told(TOOLS / "ansible-galaxy", "collection", "build", "--output-path", DIST)
    _told(TOOLS / "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", DIST, SOURCE)
    (tarball,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    failed = [*_imported(tarball), *_environment(tarball)]
    _bill_of_materials(wheel, DIST / tarball.name.replace(".tar.gz", ".cdx.json"))
    files = sorted(path for path in DIST.iterdir())
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (DIST / "SHA256SUMS").write_text(sums, encoding="utf-8")
    for line in failed:
        print(f"release: {line}", file=sys.stderr)
    print(f"release: {len(files)} files in dist/, {len(failed)} complaints")
    return 1 if failed else 0


def _imported(tarball: Path) -> list[str]:
    """What galaxy-importer complains of."""
    place = BUILD / "importer"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.copy(tarball, place)
    told = _told(CHECKS / "python", "-m", "galaxy_importer.main", tarball.name, cwd=place, check=False)
    (BUILD / "importer.log").write_text(told, encoding="utf-8")
    complaints = [line for line in told.splitlines() if _COMPLAINT.match(line)]
    return complaints if _PASSED in told else [*complaints, f"galaxy-importer did not come to its end: {told[-400:]}"]


def _environment(tarball: Path) -> list[str]:
    """What ansible-builder complains of in the execution environment; its image is not built here."""
    place = BUILD / "environment"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.copy(tarball, place)
    shutil.copy(SOURCE / "playbooks" / "awx" / "execution-environment.yml", place)
    words = ("create", "--file", "execution-environment.yml", "--context", "context")
    told = _told(CHECKS / "ansible-builder", *words, cwd=place, check=False)
    return [] if (place / "context" / "Containerfile").exists() else [f"ansible-builder: {told[-400:]}"]


def _bill_of_materials(wheel: Path, target: Path) -> None:
    """What the wheel with its extras installs, by name, version and licence."""
    home = BUILD / "installed"
    shutil.rmtree(home, ignore_errors=True)
    _told(sys.executable, "-m", "venv", "--without-pip", home)
    offline = ("--no-index", "--find-links", ROOT / ".build" / "wheels")
    whole = f"{wheel}[agent,netconf,node,snmp]"
    _told(TOOLS / "pip", "--python", home / "bin" / "python", "install", "-q", *offline, whole)
    words = ("environment", "--output-reproducible", "--of", "JSON", "--output-file", target, "--pyproject")
    _told(CHECKS / "cyclonedx-py", *words, SOURCE / "pyproject.toml", home / "bin" / "python")


def _told(*command: str | Path, cwd: Path = SOURCE, check: bool = True) -> str:
    """What a command said; nothing of ours is found by it through the environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
    kept["PATH"] = f"{CHECKS}:{kept['PATH']}"
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"release: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
