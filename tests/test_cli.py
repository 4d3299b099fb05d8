"""The command line, on a tiny random checkpoint."""

import json
import os
import subprocess
import sys

import pytest
from conftest import PASSAGE

from qgen.cli import main


def test_generate_with_an_answer(checkpoint, capsys):
    arguments = ["generate", "--model", str(checkpoint), "--passage", PASSAGE]
    assert main([*arguments, "--answer", "1937", "--num-return-sequences", "3", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    assert rows[0].keys() == {"question", "answer", "answer_start", "score"}
    assert PASSAGE.startswith(rows[0]["answer"], rows[0]["answer_start"])


def test_generate_without_an_answer_from_a_file(checkpoint, tmp_path, capsys):
    path = tmp_path / "passage.txt"
    path.write_text(PASSAGE, encoding="utf-8")
    arguments = ["generate", "--model", str(checkpoint), "--passage-file", str(path)]
    assert main([*arguments, "--max-answers", "2"]) == 0
    assert 1 <= len(capsys.readouterr().out.splitlines()) <= 2


def test_batch(checkpoint, tmp_path, capsys):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"passage": PASSAGE, "answer": "1937"}, {"passage": PASSAGE, "answer": "London"}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert main(["batch", str(source), str(output), "--model", str(checkpoint), "--quiet"]) == 0
    [row] = [json.loads(line) for line in output.read_text().splitlines()]
    assert row["passage"] == PASSAGE and len(row["questions"]) == 1
    [bad] = (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines()
    assert json.loads(bad)["line"] == 2
    assert "1 errors" in capsys.readouterr().err


def test_train_then_generate(checkpoint, tmp_path, capsys):
    examples = tmp_path / "train.jsonl"
    row = {"passage": PASSAGE, "answer": "1937", "question": "when was it opened?"}
    examples.write_text(json.dumps(row) + "\n", encoding="utf-8")
    out = tmp_path / "run"
    arguments = ["train", "--model", str(checkpoint), "--train", str(examples), "--out", str(out)]
    limits = ["--max-source-length", "80", "--max-target-length", "24", "--no-bf16"]
    assert main([*arguments, "--dev", str(examples), "--epochs", "2", *limits]) == 0
    assert capsys.readouterr().out.strip().endswith("final")
    final = ["generate", "--model", str(out / "final"), "--passage", PASSAGE, "--answer", "1937"]
    assert main(final) == 0


BAD = {
    "empty passage": ["generate", "--passage", " ", "--model", "{checkpoint}"],
    "answer not in passage": [
        "generate", "--passage", "a", "--answer", "b", "--model", "{checkpoint}",
    ],
    "missing passage file": ["generate", "--passage-file", "{tmp}/none.txt"],
    "passage file not UTF-8": ["generate", "--passage-file", "{tmp}/latin.txt"],
    "setting out of range": ["generate", "--passage", "a", "--num-beams", "0"],
    "missing checkpoint": ["generate", "--passage", "a", "--model", "{tmp}/none"],
    "corrupt checkpoint": ["generate", "--passage", "a", "--model", "{tmp}/corrupt"],
    "missing batch input": ["batch", "{tmp}/none.jsonl", "{tmp}/o.jsonl", "--model", "{checkpoint}"],
    "unknown batch format": ["batch", "{tmp}/in.pdf", "{tmp}/o.jsonl", "--model", "{checkpoint}"],
    "unknown split": ["evaluate", "--split", "zhou", "--nqg", "{tmp}"],
    "unknown part": ["evaluate", "--split", "du", "--part", "eval", "--nqg", "{tmp}"],
    "no evaluation data": ["evaluate", "--split", "du"],
    "missing evaluation data": ["evaluate", "--split", "du", "--nqg", "{tmp}/none"],
    "SQuAD is not JSON": [
        "evaluate", "--split", "du", "--squad", "{tmp}/bad.json", "--doclists", "{tmp}",
    ],
    "missing training file": [
        "train", "--model", "{checkpoint}", "--train", "{tmp}/none.jsonl", "--out", "{tmp}/run",
    ],
    "no training data": ["train", "--model", "{checkpoint}", "--out", "{tmp}/run"],
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(case, checkpoint, tmp_path, capsys):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "in.pdf").write_bytes(b"")
    (tmp_path / "bad.json").write_text("{")
    for part in ("train", "dev", "test"):
        (tmp_path / f"doclist-{part}.txt").write_text(f"{part}\n")
    (tmp_path / "corrupt").mkdir()
    for file in checkpoint.iterdir():
        (tmp_path / "corrupt" / file.name).write_bytes(file.read_bytes()[:100])
    arguments = [part.format(checkpoint=checkpoint, tmp=tmp_path) for part in BAD[case]]
    capsys.readouterr()
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    errors = [line for line in captured.err.splitlines() if line.strip()]
    assert len(errors) == 1 and errors[0].startswith("qgen: error: "), errors


def test_unknown_option_exits_with_2():
    with pytest.raises(SystemExit) as caught:
        main(["generate", "--colour", "red"])
    assert caught.value.code == 2


def test_help_needs_no_torch():
    code = "import sys, qgen.cli\ntry: qgen.cli.main(['train', '--help'])\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--mask-probability" in done.stdout


def test_reader_that_stops_early(checkpoint):
    code = "import sys; from qgen.cli import main; sys.exit(main())"
    arguments = ["generate", "--model", checkpoint, "--passage", PASSAGE, "--answer", "1937"]
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert "Traceback" not in done.stderr
