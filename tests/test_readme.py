"""The README's commands run, and what it says of files and options is so."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from qgen.cli.entry import build_parser
from qgen.files.writers import FORMATS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
COMMANDS = [
    line.removeprefix("$ ").removeprefix("pip install -e . && ")
    for language, block in BLOCKS
    if not language
    for line in block.replace("\\\n", " ").splitlines()
    if re.match(r"(\$ |pip install -e \. && )?qgen ", line)
]
RUNNABLE = [c for c in COMMANDS if c.split()[1] in {"generate", "batch", "score"}]


def test_there_are_commands_of_every_kind():
    kinds = {command.split()[1] for command in COMMANDS}
    assert kinds == {"generate", "batch", "score", "serve"}
    assert len(SHOWN) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    build_parser().parse_args(shlex.split(command)[1:])


@pytest.fixture
def work(tmp_path):
    """A folder with the README's data, where commands may write."""
    shutil.copytree(ROOT / "data", tmp_path / "data")
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", RUNNABLE)
def test_every_command_runs(command, work):
    arguments = [sys.executable, "-m", "qgen", *shlex.split(command)[1:]]
    done = subprocess.run(arguments, cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if " batch " in command or " score " in command:
        assert (work / command.split()[3]).stat().st_size > 0
    else:
        assert "?" in done.stdout


SHOWN = re.findall(r"^\$ (qgen .*)\n((?: .*\n)+)", "".join(text for _, text in BLOCKS), re.M)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_what_it_shows_comes_out(command, output, work):
    arguments = [*shlex.split(command)[1:], "--dtype", "float32"]
    done = subprocess.run(
        [sys.executable, "-m", "qgen", *arguments], cwd=work, capture_output=True, text=True
    )
    assert done.stdout == output


@pytest.mark.slow
def test_the_python_example_runs(work):
    [code] = [block for language, block in BLOCKS if language == "python"]
    done = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = re.search(r"print\(.*\)  # (.*)", code).group(1)
    assert done.stdout == f"{said}\n"


def test_the_options_it_names_exist():
    subparsers = next(a for a in build_parser()._actions if isinstance(a.choices, dict))
    known = {o for p in subparsers.choices.values() for a in p._actions for o in a.option_strings}
    named = set(re.findall(r"`(--[a-z-]+)", README))
    assert named and named <= known


def test_the_files_it_names_exist():
    tree = next(block for _, block in BLOCKS if block.startswith("qgen/\n"))
    folder, seen = "", set()
    for line in tree.splitlines():
        if line.endswith("/") and not line.startswith(" "):
            folder = line
        for name in re.findall(r"(?<![\w.])[\w]+\.py|[\w/]+/(?=\s)", line):
            path = ROOT / (folder if line.startswith(" ") else "") / name
            assert path.exists(), name
            seen.add(path)
    modules = {p for p in (ROOT / "qgen").glob("*.py") if not p.name.startswith("_")}
    assert modules <= seen


def test_the_output_suffixes_it_names_are_the_ones_there_are():
    sentence = re.search(r"The output's suffix chooses among (.*?);", README, re.S).group(1)
    assert set(re.findall(r"`(\.\w+)`", sentence)) == set(FORMATS) - {".ndjson"}


def test_the_extras_it_names_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    named = set(re.findall(r"[`.]\[([a-z]+)\]'?[` ]", README))
    assert {"ui", "eval", "documents"} <= named <= set(extras) | {"test"}


def test_importing_and_training_load_no_plotting(tmp_path):
    code = (
        "import sys, qgen, eval.splits, qgen.training.generator\n"
        "assert not {'matplotlib', 'gradio'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
