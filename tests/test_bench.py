"""The benchmarks run; their figures are not tested."""

import json
import math
import re
import subprocess
import sys

import pytest
from conftest import PASSAGE

from eval import bench, load
from qgen.errors import QGenError

pytestmark = pytest.mark.slow


@pytest.fixture
def examples(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"passage": PASSAGE, "answer": answer} for answer in ("1937", "San Francisco")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_bench_prints_a_row_for_every_system(examples, capsys):
    systems = ["float32", "best float32", "BERT encoder-decoder, transformers"]
    options = "--repeats 1 --batch-sizes 1 2 --curve 1 4".split()
    bench.main(["--examples", examples, *options, "--systems", *systems])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 sources, of ")
    for system in systems:
        row = next(line for line in lines if line.startswith(system))
        figures = re.findall(r"\d+\.?\d*", row.removeprefix(system))
        assert len(figures) == 4 and all(float(figure) > 0 for figure in figures)
    assert sum(line.startswith("    4 inputs: ") for line in lines) == len(systems)


def test_what_cannot_be_measured_says_why(examples):
    system = bench.System("float8", ["--examples", examples], [5, 5])
    assert system.error.startswith("not measured: dtype must be ")
    assert math.isnan(system.seconds(2, 1)) and math.isnan(system.close())


def test_a_killed_system_does_not_end_the_others(examples):
    system = bench.System("float32", ["--examples", examples], [5, 5])
    assert system.first > 0 and system.seconds(2, 1) > 0
    system._process.kill()
    system._process.wait()
    assert math.isnan(system.seconds(2, 1)) and math.isnan(system.close())
    assert system.error == "failed with exit code -9"


def test_load_prints_a_row_for_every_number_of_clients_and_one_for_batch(examples, capsys):
    options = "--clients 1 3 --requests 6 --repeats 1".split()
    load.main(["--examples", examples, *options])
    *rows, batch = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["1", "3"] and batch[:2] == ["qgen", "batch"]
    assert all(float(figure) > 0 for row in [*rows, batch[1:]] for figure in row[1:])


def test_no_inputs(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"passage": "No answer here."}\n')
    with pytest.raises(QGenError, match="no passages with answers"):
        bench.read_inputs(path)


@pytest.mark.parametrize("module", ["bench", "load", "calibrate"])
def test_bad_files_get_one_line(module, tmp_path):
    path = str(tmp_path / "none.jsonl")
    options = [path] if module == "calibrate" else ["--examples", path]
    command = [sys.executable, "-m", f"eval.{module}", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"eval.{module}: error: ") and done.stderr.count("\n") == 1
