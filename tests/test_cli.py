"""The command line, on a tiny random checkpoint."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import PASSAGE, random_model

from qgen import __version__
from qgen.cli import main
from qgen.cli.doctor import EXTRAS
from qgen.cli.entry import build_parser
from qgen.cli.options import settings_of
from qgen.cli.output import write_questions
from qgen.records import Answer, Question
from qgen.settings import GenerationSettings, QuizSettings

pytestmark = pytest.mark.usefixtures("unchecked")


def test_generate_with_an_answer(checkpoint, capsys):
    arguments = ["generate", "--model", str(checkpoint), "--passage", PASSAGE]
    assert main([*arguments, "--answer", "1937", "--num-return-sequences", "3", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    shape = {"question", "answer", "answer_start", "kind", "score", "confidence"}
    assert shape <= rows[0].keys() <= shape | {"reasons"}
    assert PASSAGE.startswith(rows[0]["answer"], rows[0]["answer_start"])


def test_generate_without_an_answer_from_a_file(checkpoint, tmp_path, capsys):
    path = tmp_path / "passage.txt"
    path.write_text(PASSAGE, encoding="utf-8")
    arguments = ["generate", "--model", str(checkpoint), "--passage-file", str(path)]
    assert main([*arguments, "--max-answers", "2", "--min-confidence", "0"]) == 0
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
    assert "1 error" in capsys.readouterr().err


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
    "passage file is a folder": ["generate", "--passage-file", "{tmp}"],
    "setting out of range": ["generate", "--passage", "a", "--num-beams", "0"],
    "missing checkpoint": ["generate", "--passage", "a", "--model", "{tmp}/none"],
    "corrupt checkpoint": ["generate", "--passage", "a", "--model", "{tmp}/corrupt"],
    "missing batch input": ["batch", "{tmp}/no.jsonl", "{tmp}/o.jsonl", "--model", "{checkpoint}"],
    "unknown batch format": ["batch", "{tmp}/in.xls", "{tmp}/o.jsonl", "--model", "{checkpoint}"],
    "unknown output format": ["batch", "{tmp}/latin.txt", "{tmp}/o.xyz", "--model", "{checkpoint}"],
    "control unknown to the model": [
        "batch", "{tmp}/latin.txt", "{tmp}/o.jsonl", "--model", "{checkpoint}", "--controls", "x",
    ],
    "missing document": ["generate", "--document", "{tmp}/none.txt"],
    "unknown document": ["generate", "--document", "{tmp}/in.xls"],
    "document without prose": ["generate", "--document", "{tmp}/empty.md"],
    "not a PDF": ["generate", "--document", "{tmp}/bad.pdf"],
    "an answer for a document": ["generate", "--document", "{tmp}/latin.txt", "--answer", "x"],
    "not English": [
        "generate", "--passage", "Il ponte fu costruito nel 1932.", "--model", "{checkpoint}",
    ],
    "no sentence": ["generate", "--passage", "Photosynthesis", "--model", "{checkpoint}"],
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
    (tmp_path / "in.xls").write_bytes(b"")
    (tmp_path / "empty.md").write_text("# Only a heading\n")
    (tmp_path / "bad.pdf").write_text("no PDF")
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


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--colour", "red"],
        ["evaluate", "--split", "du", "--limit", "-3"],
        ["evaluate", "--split", "du", "--limit", "0"],
        ["generate", "--passage", "a", "--kinds", "people"],
        ["generate", "--passage", "a", "--kinds", "date,people"],
        ["generate", "--passage", "a", "--kinds", ","],
        ["generate", "--passage", "a", "--early-stopping", "soon"],
        ["train", "--model", "m", "--out", "o", "--objective", "N"],
        ["generate", "--passage", "a", "--length-penalty", "nan"],
        ["generate", "--passage", "a", "--temperature", "inf"],
        ["batch", "a.jsonl", "b.jsonl", "--buffer-size", "0"],
        ["batch", "a.jsonl", "b.jsonl", "--buffer-size", "100001"],
        ["batch", "a.jsonl", "b.jsonl", "--format", "xml"],
        ["generate", "--passage", "a", "--batch-size", "1025"],
        ["serve", "--port", "99999"],
        ["serve", "--port", "-1"],
        [],
    ],
)
def test_unusable_options_exit_with_2_and_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("qgen") and ": error: " in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--min-confidence", "50%"], "--min-confidence: must be a finite number: 50%"),
        (["--choices", "four"], "--choices: must be a whole number: four"),
        (["--batch-size", "all"], "--batch-size: must be a whole number: all"),
        (["--answer-start", "x"], "--answer-start: must be a whole number: x"),
        (["--maxanswers", "3"], "unrecognized arguments: --maxanswers 3"),
    ],
)
def test_an_unusable_option_is_told_in_words_with_the_command_s_help(options, message, capsys):
    with pytest.raises(SystemExit):
        main(["generate", "--passage", "a", *options])
    assert f"{message} (see qgen generate --help)" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"%PDF-1.4 ...", b"PK\x03\x04...", b"{\\rtf1 Rome.}"])
def test_a_document_given_as_a_text_names_the_option_for_it(content, tmp_path, capsys):
    (tmp_path / "in").write_bytes(content)
    assert main(["generate", "--passage-file", str(tmp_path / "in")]) == 2
    assert "is not plain text; --document reads" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("generate --passage-file", "--passage-file"),
        ("generate --passage a --reader", "--reader"),
        ("batch a.txt b.csv --errors", "--errors"),
        ("batch b.csv", "OUTPUT"),
        ("serve --host", "--host"),
        ("evaluate --examples", "--examples"),
        ("train --model m --out o --train a.jsonl --dev", "--dev"),
        ("train --model m --out o --train", "--train"),
    ],
)
def test_an_empty_value_is_no_missing_option(command, name, capsys):
    """Of a script's variable that is not set."""
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args([*command.split(), ""])
    assert caught.value.code == 2
    assert f"argument {name}: must not be empty (see qgen " in capsys.readouterr().err


@pytest.mark.parametrize("types", [["wh,why"], ["wh", "why"], ["wh,", "why"], ["wh, why"]])
def test_words_have_spaces_or_commas_between_them(types):
    arguments = ["generate", "--passage", "a", "--types", *types, "--controls", "search,short"]
    args = build_parser().parse_args(arguments)
    assert settings_of(args, QuizSettings).types == ("wh", "why")
    assert settings_of(args, GenerationSettings).controls == ("search", "short")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--max-answers", "0"], "max_answers must be at least 1"),
        (["--num-beams", "101"], "num_beams must be at most 100"),
        (
            ["--do-sample", "--num-return-sequences", "101"],
            "num_return_sequences must be at most 100",
        ),
        (["--min-confidence", "2"], "min_confidence must lie in [0, 1]"),
        (["--choices", "1"], "choices must be 0 or from 2 to 8"),
        (["--reader", "nowhere"], "cannot load the reader nowhere"),
    ],
)
def test_unusable_values_are_one_line(checkpoint, capsys, option, message):
    arguments = ["generate", "--model", str(checkpoint), "--passage", PASSAGE]
    assert main([*arguments, *option]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("qgen: error: ") and message in line


@pytest.mark.parametrize(
    ("arguments", "partner"),
    [
        ("generate --passage a --answer-start 5", "--answer"),
        ("generate --document a.txt --answer-start 0", "--answer"),
        ("generate --passage a --temperature 0.5", "--do-sample"),
        ("batch a.txt b.csv --seed 1", "--do-sample"),
        ("batch a.txt b.csv --workers 4", "--engine ray"),
        ("batch a.txt b.csv --ray-address auto", "--engine ray"),
        ("train --model m --train a.jsonl --squad s.json --out o", "--split"),
        ("train-reader --model m --train a.jsonl --partial --out o", "--split"),
        ("evaluate --examples a.jsonl --part dev", "--split"),
    ],
)
def test_an_option_without_its_partner_is_refused(arguments, partner, capsys):
    if arguments.startswith("evaluate"):
        pytest.importorskip("sacrebleu")
    assert main(arguments.split()) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("qgen: error: --") and line.endswith(f" goes with {partner}")


@pytest.mark.parametrize("command", [["-m", "qgen"], ["-c", "from qgen.cli import main; main()"]])
def test_version(command):
    done = subprocess.run(
        [sys.executable, *command, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"qgen {__version__}\n"


def test_a_byte_order_mark_does_not_shift_offsets(checkpoint, tmp_path, capsys):
    path = tmp_path / "passage.txt"
    path.write_bytes(b"\xef\xbb\xbf" + PASSAGE.encode())
    arguments = ["generate", "--model", str(checkpoint), "--passage-file", str(path), "--json"]
    assert main([*arguments, "--answer", "1937"]) == 0
    assert json.loads(capsys.readouterr().out)["answer_start"] == PASSAGE.index("1937")


def test_generate_about_a_document(checkpoint, tmp_path, capsys):
    path = tmp_path / "report.md"
    path.write_text(f"# Bridges\n\n{PASSAGE}\n\nLa tour a été achevée en 1889 par Gustave Morel.\n")
    arguments = ["generate", "--model", str(checkpoint), "--document", str(path)]
    assert main([*arguments, "--max-answers", "2", "--json", "--min-confidence", "0"]) == 0
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert 1 <= len(rows) <= 2 and {row["paragraph"] for row in rows} == {1}
    assert "paragraph 2: the passage is not English" in captured.err


def test_questions_of_a_document_are_counted_together(checkpoint, tmp_path, capsys):
    path = tmp_path / "report.txt"
    second = "Roger Vale painted the old mill in Thorn in 1812, and sold it to a baker."
    path.write_text(f"{PASSAGE}\n\n{second}\n")
    command = ["generate", "--model", str(checkpoint), "--document", str(path), "--json"]
    counts = []
    for most in ("4", "1"):
        assert main([*command, "--min-confidence", "0", "--max-answers", most]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert rows == sorted(rows, key=lambda row: (row["paragraph"], row["answer_start"]))
        counts.append(len({row["paragraph"] for row in rows}))
        assert len(rows) <= int(most)
    assert counts == [2, 1]


def test_what_was_dropped_of_a_document_is_told_in_one_line(
    checkpoint, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(
        "qgen.asking.pipeline.rank", lambda questions, *_: (questions[:1], {"too dull": 2})
    )
    path = tmp_path / "report.txt"
    path.write_text(
        f"{PASSAGE}\n\nRoger Vale painted the old mill in Thorn in 1812, and sold it.\n"
    )
    assert main(["generate", "--model", str(checkpoint), "--document", str(path)]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("qgen:")]
    assert told[1:] == ["qgen: asked for 10, kept 2: 4 too dull"]
    assert "number in front of each question is the confidence" in told[0]


def test_what_was_dropped_is_told(checkpoint, capsys, monkeypatch):
    monkeypatch.setattr(
        "qgen.asking.pipeline.rank", lambda questions, *_: (questions[:1], {"too dull": 2})
    )
    assert main(["generate", "--model", str(checkpoint), "--passage", PASSAGE]) == 0
    assert "qgen: asked for 10, kept 1: 2 too dull" in capsys.readouterr().err


def test_batch_exits_with_1_when_no_row_succeeded(checkpoint, tmp_path, capsys):
    source = tmp_path / "in.txt"
    source.write_text("Photosynthesis\nRun!\n")
    command = [
        "batch",
        str(source),
        str(tmp_path / "o.jsonl"),
        "--model",
        str(checkpoint),
        "--quiet",
    ]
    assert main(command) == 1
    assert "no row succeeded; all 2 failed" in capsys.readouterr().err
    source.write_text(f"Photosynthesis\n{PASSAGE}\t1937\n")
    assert main(command) == 0
    good = (tmp_path / "o.jsonl").read_bytes()
    source.write_text("Photosynthesis\n")
    assert main(command) == 1
    assert "o.jsonl stays as it was" in capsys.readouterr().err
    assert (tmp_path / "o.jsonl").read_bytes() == good
    assert not [*tmp_path.glob("*.partial"), *tmp_path.glob("*.progress.json")]


def test_a_batch_that_is_interrupted_says_how_it_goes_on(checkpoint, tmp_path, monkeypatch, capsys):
    (tmp_path / "in.txt").write_text(f"{PASSAGE}\t1937\n")
    command = ["batch", str(tmp_path / "in.txt"), str(tmp_path / "o.jsonl"), "--quiet"]
    command += ["--model", str(checkpoint), "--reader", "none"]

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("qgen.files.batch._append", interrupted)
        assert main(command) == 130
    told = capsys.readouterr().err.splitlines()
    assert told == ["qgen: the same command goes on from here", "qgen: interrupted"]
    assert main(command) == 0


def test_a_missing_input_is_told_before_the_models_are_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("qgen.cli.batch.question_generator", lambda args: pytest.fail("loaded"))
    assert main(["batch", str(tmp_path / "no.jsonl"), str(tmp_path / "o.jsonl")]) == 2
    assert "no.jsonl" in capsys.readouterr().err


def test_batch_does_not_resume_with_other_weights(
    checkpoint, bert_model, tokenizer, tmp_path, capsys
):
    source, output = tmp_path / "in.txt", tmp_path / "o.jsonl"
    source.write_text(f"{PASSAGE}\t1937\n")
    model = tmp_path / "model"
    shutil.copytree(checkpoint, model)
    command = ["batch", str(source), str(output), "--model", str(model), "--quiet"]

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qgen.files.batch._Sink.publish", stop)
        assert main(command) == 130
    random_model(bert_model.config, seed=1).save_pretrained(model)  # the same path
    assert main(command) == 0
    assert "starting anew" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    ("redirected", "code", "told"),
    [
        ("| true", 0, ""),
        ("> /dev/full", 2, "qgen: error: No space left on device\n"),
        (">&-", 0, ""),
    ],
)
def test_what_cannot_be_printed_is_one_line_at_most(redirected, code, told):
    program = "import time; from qgen.errors import exit_code; import sys; f = lambda: "
    program += "time.sleep(0.5) or print(1); sys.exit(exit_code('qgen', f))"
    command = f'"{sys.executable}" -c "{program}" {redirected}; exit ${{PIPESTATUS[0]}}'
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["bash", "-c", command], env=buffered, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, told)


ASK = """
import sys
from qgen.cli.output import tell, write_questions
from qgen.errors import exit_code
from qgen.records import Answer, Question
asked = [(Question("Who is Kočiský 😀?", Answer("é", 0), -1.0), {})]
def ask():
    assert sys.stdin.read() == ""
    write_questions(asked, "json" in sys.argv)
    tell("done")
sys.exit(exit_code("qgen", ask))
"""


def ask(redirected, tmp_path, **environment):
    """What a program that asks says, with its streams redirected."""
    (tmp_path / "ask.py").write_text(ASK, encoding="utf-8")
    return subprocess.run(
        ["bash", "-c", f'"{sys.executable}" "{tmp_path}/ask.py" {redirected}'],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip


def test_what_an_encoding_lacks_is_printed_as_an_escape(tmp_path):
    done = ask("", tmp_path, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert "Who is Ko\\u010diský \\U0001f600?  [é]" in done.stdout.decode("latin-1")
    done = ask("json", tmp_path, PYTHONIOENCODING="latin-1")
    assert json.loads(done.stdout.decode("latin-1"))["question"] == "Who is Kočiský 😀?"
    assert "Kočiský 😀" in ask("json", tmp_path, PYTHONIOENCODING="utf-8").stdout.decode()


@pytest.mark.parametrize(
    ("closed", "printed"), [("<&-", 1), (">&-", 0), ("2>&-", 1), ("<&- >&- 2>&-", 0)]
)
def test_streams_may_be_closed(closed, printed, tmp_path):
    done = ask(closed, tmp_path, PYTHONIOENCODING="utf-8")
    assert done.returncode == 0 and b"qgen:" not in done.stdout
    assert done.stdout.decode().count("Kočiský") == printed


def test_a_full_disk_is_one_line_and_exit_code_2(checkpoint, tmp_path, capsys):
    source = tmp_path / "in.txt"
    source.write_text(f"{PASSAGE}\t1937\n")

    def full(*_):
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qgen.files.batch._append", full)
        command = ["batch", str(source), str(tmp_path / "o.jsonl"), "--model", str(checkpoint)]
        assert main([*command, "--quiet"]) == 2
    assert capsys.readouterr().err.strip().endswith("qgen: error: No space left on device")


def test_help_needs_no_torch():
    code = (
        "import sys, qgen.cli\n"
        "try: qgen.cli.main(['train', '--help'])\n"
        "finally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--mask-probability" in done.stdout
    assert "--objective {masked,pseudo-masked,minimum-risk}" in done.stdout


def test_reader_that_stops_early(checkpoint):
    code = "import sys; from qgen.cli import main; sys.exit(main())"
    arguments = ["generate", "--model", checkpoint, "--passage", PASSAGE, "--answer", "1937"]
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("uvicorn", ["serve"], "serve"),
        ("eval.evaluate", ["evaluate", "--split", "du"], "eval"),
        ("eval.reading", ["evaluate-reader", "--split", "du"], "eval"),
    ],
)
def test_a_missing_extra_is_named(monkeypatch, capsys, module, command, extra):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(command) == 2
    assert f"is missing: pip install -e '.[{extra}]' in" in capsys.readouterr().err


TWO = f"{PASSAGE}\n\nRoger Vale painted the old mill in Thorn in 1812, and sold it to a baker.\n"


def test_batch_keeps_the_best_of_each_document(checkpoint, tmp_path, capsys):
    folder, output = tmp_path / "in", tmp_path / "out.jsonl"
    folder.mkdir()
    for name in ("a.txt", "b.md"):
        (folder / name).write_text(f"{TWO}\nLa tour a été achevée en 1889 par Gustave Morel.\n")
    command = ["batch", str(folder), str(output), "--model", str(checkpoint), "--quiet"]
    counts = {}
    for best in ("1", "3"):
        assert main([*command, "--best", best, "--min-confidence", "0"]) == 0
        rows = [json.loads(line) for line in output.read_text().splitlines()]
        assert all(row["questions"] for row in rows)
        counts[best] = {
            name: sum(len(row["questions"]) for row in rows if row["document"] == name)
            for name in ("a.txt", "b.md")
        }
    assert counts["1"] == {"a.txt": 1, "b.md": 1}
    assert all(1 <= count <= 3 for count in counts["3"].values())
    errors = (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines()
    assert len(errors) == 2 and all("not English" in json.loads(e)["error"] for e in errors)
    assert "2 errors" in capsys.readouterr().err
    assert main([*command, "--best", "1", "--max-answers", "2"]) == 2
    assert "--best and --max-answers do not go together" in capsys.readouterr().err


def on_a_terminal(monkeypatch, columns=100):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_gets_a_table_and_a_pipe_gets_plain_lines(monkeypatch, capsys):
    asked = [
        (Question("Who wrote [it]?", Answer("Ann", 3), -1.0, 0.95, ("Ben",)), {"paragraph": 2}),
        (Question("When? " * 30, Answer("1937", 0), -2.0, 0.4), {"paragraph": 3}),
    ]
    write_questions(asked, False)
    plain = capsys.readouterr()
    assert plain.out.startswith("   0.950  Who wrote [it]?  [Ann]  (paragraph 2)\n          A. ")
    assert plain.err == (
        "qgen: the number in front of each question is the confidence, from 0 to 1\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        on_a_terminal(patch)
        write_questions(asked, False)
    table = capsys.readouterr()
    lines = re.sub(r"\x1b\[[\d;]*m", "", table.out).splitlines()
    assert lines[0].split() == ["confidence", "question", "answer", "where"]
    assert lines[1].startswith("      0.95  Who wrote [it]?") and "Ann" in lines[1]
    assert max(map(len, lines)) <= 100 and table.err == ""


@pytest.mark.parametrize("terminal", [False, True])
def test_a_choice_with_a_line_break_is_printed_on_one_line(terminal, monkeypatch, capsys):
    asked = [(Question("Who?", Answer("Ann\nLee", 3), -1.0, 0.95, ("Ben",)), {})]
    if terminal:
        on_a_terminal(monkeypatch)
    write_questions(asked, False)
    lines = [line.split(". ")[-1].strip() for line in capsys.readouterr().out.splitlines()]
    assert sorted(lines[-2:]) == ["Ann Lee", "Ben"]


def test_no_warning_of_a_library_reaches_the_user(tmp_path):
    code = (
        "import sys, logging, warnings\n"
        "import qgen.cli.doctor as doctor\n"
        "def noisy(args):\n"
        "    warnings.warn('deprecated')\n"
        "    logging.getLogger('pypdf').warning('odd file')\n"
        "    logging.getLogger('qgen.service').error('own words')\n"
        "    return 0\n"
        "doctor.run = noisy\n"
        "from qgen.cli import main\n"
        "sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "own words\n")


def test_doctor_asks_a_question(checkpoint, capsys):
    assert main(["doctor", "--model", str(checkpoint), "--reader", "none"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert {"qgen", "packages", "arithmetic", "model", "asking", "[ray]", "Java"} <= set(lines)
    assert lines["packages"].split()[1] == "ok" and "torch" in lines["packages"]


def test_doctor_knows_the_extras():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert set(EXTRAS) == set(project["project"]["optional-dependencies"]) - {"test"}


def test_doctor_says_what_is_missing_and_how_to_install_it(tmp_path, capsys, monkeypatch):
    from importlib import metadata

    version = metadata.version

    def without_some(name):
        if name in {"pypdfium2", "ray", "rich"}:
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name == "fastapi" else version(name)

    monkeypatch.setattr("qgen.cli.doctor.metadata.version", without_some)
    monkeypatch.setattr("qgen.cli.doctor.shutil.which", lambda name: None)
    assert main(["doctor", "--model", str(tmp_path / "none")]) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "pypdfium2 is missing  -> pip install -e '.[documents]'" in lines["[documents]"]
    assert "rich is missing  -> pip install -e . in" in lines["packages"]
    assert "fastapi 0.1 is installed, fastapi>=0.120 is needed" in lines["[ui]"]
    assert "missing" in lines["Java"] and "default-jre-headless" in lines["Java"]
    assert lines["asking"].split()[1] == "fails" and "cannot load" in lines["asking"]


@pytest.mark.parametrize("command", ["", *build_parser()._subparsers._group_actions[0].choices])
def test_every_help_text_is_there_and_has_no_gaps(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0 and "()" not in text and "None" not in text
    parser = build_parser()
    if command:
        parser = parser._subparsers._group_actions[0].choices[command]
        assert all(action.help for action in parser._actions)
        assert parser.description.endswith(".")
