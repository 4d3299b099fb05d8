"""Evaluation from files to report."""

import json

import pytest
from conftest import PASSAGE

from eval.evaluate import evaluate, load_part, predict
from eval.splits import load_nqg
from qgen.cli import main
from qgen.errors import QGenError
from qgen.settings import GenerationSettings

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


def test_counts_are_checked(data):
    with pytest.raises(QGenError, match="75722"):
        load_part("du", "test", [data / "squad.json"], data)


def test_empty_part(data):
    with pytest.raises(QGenError, match="no examples"):
        load_part("du", "train", [data / "squad.json"], data, partial=True)


def test_agnostic_part(data):
    assert [e.answer for e in load_part("zhao", "dev", nqg=data)] == ["", ""]


def test_equal_inputs_are_decoded_once(data, generator, monkeypatch):
    seen = []
    agnostic = generator.agnostic
    monkeypatch.setattr(
        generator,
        "agnostic",
        lambda texts, settings: seen.extend(texts) or agnostic(texts, settings),
    )
    predictions = predict(generator, load_nqg(data, "test"), GREEDY, progress=False)
    assert len(seen) == 1 and predictions[0] == predictions[1]


def test_perfect_predictions_score_100(data, generator, monkeypatch):
    examples = load_part("du", "test", [data / "squad.json"], data, partial=True)
    monkeypatch.setattr("eval.evaluate.predict", lambda *_: [e.question for e in examples])
    report, _ = evaluate(generator, examples, "du", "test", GREEDY, "oracle", progress=False)
    values = {s["implementation"]: s["value"] for s in report["scores"] if s["metric"] == "BLEU-4"}
    assert all(value == pytest.approx(100) for value in values.values())
    assert report["n_examples"] == 2 and report["details"]["sources"] == 2
    assert report["details"]["subset"] == "2 of the part's 11877 questions"


def test_training_overlap_is_reported(data, generator, monkeypatch):
    examples = load_nqg(data, "test")
    monkeypatch.setattr(generator.model.config, "trained_on", ["du:test"])
    monkeypatch.setattr("eval.evaluate.score_all", lambda *_: [])

    def details(setup, part):
        return evaluate(generator, examples, setup, part, GREEDY, "tiny", progress=False)[0][
            "details"
        ]

    assert "TRAINED" in details("du", "test")["warning"]
    assert "TRAINED" in details("zhao", "dev")["warning"]
    assert "warning" not in details("zhao", "test")


def test_command_writes_report(data, checkpoint, capsys):
    out = data / "report"
    arguments = ["evaluate", "--split", "du", "--nqg", str(data), "--model", str(checkpoint)]
    assert main([*arguments, "--num-beams", "1", "--out", str(out), "--quiet"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["setup"] == "du"
    assert {"BLEU-4", "METEOR", "ROUGE-L"} <= {s["metric"] for s in report["scores"]}
    assert len((out / "predictions.txt").read_text().splitlines()) == 2
    assert (out / "report.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "21.07" in printed and "20.31" in printed
