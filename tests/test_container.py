"""The Dockerfile, which no test can build: what a linter says of it, and what it must have."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HADOLINT = shutil.which("hadolint", path=Path(sys.executable).parent) or shutil.which("hadolint")


def instructions() -> list[str]:
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.skipif(not HADOLINT, reason="hadolint is not installed")
def test_hadolint_finds_nothing(tmp_path):
    command = [HADOLINT, "--failure-threshold", "style", "--format", "json"]
    done = subprocess.run([*command, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert json.loads(done.stdout) == [] and done.returncode == 0
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN pip install torch\n", encoding="utf-8")
    assert subprocess.run([*command, bad], capture_output=True).returncode == 1


def test_the_image_has_no_rights_and_is_told_when_to_stop():
    last = {line.split()[0]: line.split(None, 1)[1] for line in instructions()}
    assert int(last["USER"]) >= 1000
    assert json.loads(last["ENTRYPOINT"])[:2] == ["qgen", "serve"], "no shell that keeps signals"
    assert "/readyz" in last["HEALTHCHECK"]


def test_what_changes_seldom_is_installed_first():
    lines = instructions()
    assert next(
        i for i, line in enumerate(lines) if "$TORCH" in line and line.startswith("RUN")
    ) < (lines.index("COPY . ."))
    assert all("--no-cache-dir" in line for line in lines if "pip install" in line)
    assert all(re.search(r"^FROM \S+:[\w.-]*\d", line) for line in lines if line[:4] == "FROM")


def test_the_package_needs_nothing_that_docker_ignores():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"packages = (\[.*\])", project)
    assert packages
    needed = {name.split(".")[0] for name in json.loads(packages[1])} | {"README.md", "LICENSE"}
    assert not needed & set(ignored)
