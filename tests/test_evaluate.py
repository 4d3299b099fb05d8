"""Evaluation from files to report."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from conftest import PASSAGE

from eval import metrics
from eval.evaluate import evaluate, interrogative_shares, predict
from eval.splits import load_nqg, load_part
from qgen.cli import main
from qgen.errors import QGenError
from qgen.files.examples import data_name
from qgen.records import Example, Question
from qgen.settings import GenerationSettings


@pytest.fixture
def no_java(monkeypatch):
    """Without METEOR 1.5, whose start takes seconds, where it is not the point."""
    monkeypatch.setattr(metrics, "find_meteor_jar", lambda: None)


GREEDY = GenerationSettings(num_beams=1, max_length=8)


@pytest.fixture
def data(tmp_path):
    """SQuAD JSON of one test and one dev article, their doclists, and Du et al.'s files."""

    def article(title, questions):
        qas = [
            {
                "id": f"{title}{i}",
                "question": question,
                "answers": [{"text": answer, "answer_start": PASSAGE.index(answer)}],
            }
            for i, (question, answer) in enumerate(questions)
        ]
        return {"title": title, "paragraphs": [{"context": PASSAGE, "qas": qas}]}

    squad = {
        "version": "1.1",
        "data": [
            article("Bridge", [("When did it open?", "1937"), ("Who led it?", "Joseph Strauss")]),
            article("Cost", [("How much did it cost?", "35 million dollars")]),
        ],
    }
    (tmp_path / "squad.json").write_text(json.dumps(squad))
    for part, title in (("train", "None"), ("dev", "Cost"), ("test", "Bridge")):
        (tmp_path / f"doclist-{part}.txt").write_text(title + "\n")
    sentences = PASSAGE.lower().replace(".", " .").split(" . ")
    rows = [
        (f"{sentences[0]} .", "when did it open ?"),
        (f"{sentences[0]} .", "what opened in san francisco ?"),
    ]
    (tmp_path / "src-test.txt").write_text("".join(f"{s} \n" for s, _ in rows))
    (tmp_path / "tgt-test.txt").write_text("".join(f"{q} \n" for _, q in rows))
    return tmp_path


@pytest.mark.parametrize(("setup", "count"), [("du", 2), ("zhao", 1)])
def test_answer_aware_part(data, setup, count):
    examples = load_part(setup, "test", [data / "squad.json"], data, partial=True)
    assert len(examples) == count and all(e.answer for e in examples)


def test_empty_part(data):
    with pytest.raises(QGenError, match="no examples"):
        load_part("du", "train", [data / "squad.json"], data, partial=True)


def test_agnostic_part(data):
    assert [e.answer for e in load_part("zhao", "dev", nqg=data)] == [None, None]


def test_equal_inputs_are_decoded_once(data, n_best_generator, monkeypatch):
    seen = []
    generate = n_best_generator.generate
    monkeypatch.setattr(
        n_best_generator,
        "generate",
        lambda inputs, settings: seen.extend(inputs) or generate(inputs, settings),
    )
    predictions = predict(n_best_generator, load_nqg(data, "test"), GREEDY, False, True)
    assert len(seen) == 1 and predictions[0] == predictions[1]


@pytest.mark.usefixtures("no_java")
def test_perfect_predictions_score_100_under_both_tokenisations(
    data, n_best_generator, monkeypatch
):
    examples = load_part("du", "test", [data / "squad.json"], data, partial=True)
    monkeypatch.setattr("eval.evaluate.predict", lambda *_: [e.question for e in examples])
    report = evaluate(
        n_best_generator, examples, "du", "test", GREEDY, "oracle", data / "out", progress=False
    )
    bleu = [s for s in report["scores"] if s["metric"] == "BLEU-4"]
    assert [s["value"] for s in bleu] == pytest.approx([100] * 4)
    assert bleu[0]["tokenisation"].startswith("BERT word pieces")
    assert bleu[-1]["tokenisation"].startswith("Penn Treebank")
    assert report["n_examples"] == 2 and report["details"]["sources"] == 2
    assert report["details"]["subset"] == "2 of the part's 11877 questions"
    assert not report["published"]  # those are of all of them
    assert report["details"]["question words, per cent"]["references"]["when"] == 50


@pytest.mark.usefixtures("no_java")
def test_passages_of_ones_own_without_answers_are_no_tokens(
    n_best_generator, monkeypatch, tmp_path
):
    """Only Du et al.'s sentences and questions come tokenised."""
    example = Example(f"{PASSAGE}\n\nIt is red.", question="When did it open?")
    seen = []
    monkeypatch.setattr(
        n_best_generator,
        "generate",
        lambda inputs, _: seen.extend(inputs) or [[Question(example.question, None, 0.0)]],
    )
    report = evaluate(
        n_best_generator, [example], "mine.jsonl", "all", GREEDY, "oracle", tmp_path, False
    )
    assert seen == [(example.passage, None)]
    bleu = [s["value"] for s in report["scores"] if s["metric"] == "BLEU-4"]
    assert bleu == pytest.approx([100] * 4)
    assert report["details"]["input"] == "passage alone (answer-agnostic)"
    assert "note" not in report["details"]


def test_training_overlap_is_reported(data, n_best_generator, monkeypatch):
    examples = load_nqg(data, "test")
    monkeypatch.setattr(n_best_generator.model.config, "trained_on", ["du:test"])
    monkeypatch.setattr("eval.evaluate.score_all", lambda *_: [])

    def details(setup, part):
        return evaluate(
            n_best_generator, examples, setup, part, GREEDY, "tiny", data / "out", progress=False
        )["details"]

    assert "TRAINED" in details("du", "test")["warning"]
    assert "TRAINED" in details("zhao", "dev")["warning"]
    assert "warning" not in details("zhao", "test")


def test_predictions_are_kept_when_a_scorer_breaks(data, n_best_generator, monkeypatch):
    def broken(*_):
        raise OSError(2, "WordNet is only there in part")

    monkeypatch.setattr(
        metrics, "_SCORERS", [(("METEOR",), "broken", "", broken), *metrics._SCORERS[2:3]]
    )
    report = evaluate(
        n_best_generator, load_nqg(data, "test"), "du", "test", GREEDY, "tiny", data / "out", False
    )
    assert len((data / "out" / "predictions.txt").read_text().splitlines()) == 2
    by_metric = {s["metric"]: s for s in report["scores"]}
    assert by_metric["METEOR"]["value"] is None
    assert "only there in part" in by_metric["METEOR"]["reason"]
    assert by_metric["ROUGE-L"]["value"] is not None
    monkeypatch.setattr("eval.evaluate.score_all", broken)
    (data / "out" / "predictions.txt").unlink()
    with pytest.raises(OSError):
        evaluate(
            n_best_generator,
            load_nqg(data, "test"),
            "du",
            "test",
            GREEDY,
            "tiny",
            data / "out",
            False,
        )
    assert (data / "out" / "predictions.txt").is_file()


@pytest.mark.usefixtures("no_java")
def test_command_takes_examples_of_ones_own(tmp_path, n_best_generator, capsys):
    rows = [{"passage": PASSAGE, "answer": "1937", "question": "When did it open?"}]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = deepcopy(n_best_generator.model)
    model.config.trained_on = [data_name(path)]
    for part in (model, n_best_generator.tokenizer):
        part.save_pretrained(tmp_path / "model")
    command = ["evaluate", "--examples", str(path), "--model", str(tmp_path / "model"), "--quiet"]
    assert main([*command, "--num-beams", "1", "--out", str(tmp_path / "report")]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (report["setup"], report["n_examples"], report["published"]) == ("mine.jsonl", 1, {})
    assert "TRAINED on these examples" in capsys.readouterr().err
    with path.open("a") as file:
        file.write(json.dumps({"passage": PASSAGE, "question": "What?"}))
    assert main([*command, "--out", str(tmp_path / "report")]) == 2
    assert "every example an answer" in capsys.readouterr().err


def test_data_have_the_name_that_checkpoints_call_them_by(monkeypatch):
    assert data_name("data/everyday/train.json") == "everyday:train"
    assert data_name("data/written/train.jsonl.gz") == "written:train"
    assert data_name("squad/train.v2.json") == "squad:train.v2"
    monkeypatch.chdir(Path(__file__).parent)
    assert data_name("mine.csv") == "tests:mine"


def test_a_folder_with_an_eval_of_its_own(tmp_path):
    """``python -m`` looks into the folder that it is started in first."""
    (tmp_path / "eval").mkdir()
    for name in ("__init__.py", "evaluate.py"):
        (tmp_path / "eval" / name).touch()
    done = subprocess.run(
        [sys.executable, "-m", "qgen", "evaluate", "--examples", "none.json"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.stderr == "qgen: error: cannot read none.json: No such file or directory\n"
    assert done.returncode == 2


def test_empty_lists(n_best_generator, tmp_path):
    assert predict(n_best_generator, [], GREEDY) == [] == n_best_generator.generate([])
    assert interrogative_shares([]) == {}
    with pytest.raises(QGenError, match="no examples"):
        evaluate(n_best_generator, [], "du", "test", GREEDY, "tiny", tmp_path)
    with pytest.raises(QGenError, match="no hypotheses"):
        metrics.score_all([], [], "ptb")


def test_a_folder_that_cannot_be_is_told_before_the_work(data, n_best_generator, monkeypatch):
    monkeypatch.setattr(n_best_generator, "generate", lambda *_: pytest.fail("asked"))
    (data / "out").touch()
    with pytest.raises(QGenError, match="cannot write the report"):
        evaluate(
            n_best_generator, load_nqg(data, "test"), "du", "test", GREEDY, "tiny", data / "out"
        )


def test_question_words():
    questions = ["What is it?", "In which city?", "To whom?", "Name it.", "How many who came?"]
    shares = interrogative_shares(questions)
    assert (shares["what"], shares["which"], shares["whom"], shares["how"]) == (20, 20, 20, 20)
    assert (shares["other"], shares["who"]) == (20, 0)


def test_command_writes_report(data, checkpoint, capsys):
    out = data / "report"
    arguments = ["evaluate", "--split", "du", "--nqg", str(data), "--model", str(checkpoint)]
    assert main([*arguments, "--num-beams", "1", "--out", str(out), "--quiet"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["setup"] == "du"
    assert {"BLEU-4", "METEOR", "ROUGE-L"} <= {s["metric"] for s in report["scores"]}
    assert len((out / "predictions.txt").read_text().splitlines()) == 2
    assert (out / "report.png").stat().st_size > 1000
    printed, told = capsys.readouterr()
    assert "BLEU-4" in printed and "(published)" not in printed
    assert "these are 2 of the part's 11877 questions" in told
