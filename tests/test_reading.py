"""SQuAD's scores of a reader, the share of answers proposed, and calibration."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from conftest import PASSAGE
from sklearn.metrics import roc_auc_score

from eval.calibrate import cross_validated, fit
from eval.calibrate import main as calibrate
from eval.reading import answers_proposed, evaluate_reader
from qgen.asking.confidence import (
    CONFIDENCE_FILE,
    WEIGHTS,
    Weights,
    confidence,
    features,
    load_weights,
)
from qgen.cli import main
from qgen.english.locate import locate_answer
from qgen.english.words import answer_tokens, token_f1
from qgen.errors import QGenError
from qgen.model.reader import COMMON, Reading, _Row
from qgen.records import Answer, Example, Question


@pytest.mark.parametrize(
    ("first", "second", "f1"),
    [
        ("the Eiffel Tower", "Eiffel Tower.", 1.0),
        ("in 1937", "1937", 2 / 3),
        ("Paris", "London", 0.0),
        ("the", "a", 1.0),
        ("", "1937", 0.0),
        ("Joseph Strauss, engineer", "engineer Strauss", 0.8),
    ],
)
def test_token_f1_as_squad_counts(first, second, f1):
    assert token_f1(first, second) == pytest.approx(f1)
    assert (answer_tokens(first) == answer_tokens(second)) == (f1 == 1)


class Oracle:
    """A reader that answers from a list, and was trained on the dev part of Du et al.'s split."""

    def __init__(self, answers):
        self.answers = answers
        self.model = SimpleNamespace(config=SimpleNamespace(trained_on=["du:dev"]))

    def read(self, items):
        assert all(expected is None for _, _, expected in items), "it is not told where to look"
        return [Reading(self.answers.pop(0), 0.9, 0.1) for _ in items]


def test_scores(tmp_path, monkeypatch):
    monkeypatch.setattr("eval.reading.answers_proposed", lambda reader, examples: 0.5)
    answer = locate_answer(PASSAGE, "1937")
    examples = [
        Example(PASSAGE, answer, "When?", "a"),
        Example(PASSAGE, answer, "When?", "b", ("year 1937",)),
        Example(PASSAGE, answer, "When?", "c"),
        Example(PASSAGE, None, "Why?", "d"),
    ]
    found = [Answer("1937", 0), Answer("the year 1937", 0), Answer("opened 1937", 0)]
    report = evaluate_reader(Oracle(found), examples, "du", "test", tmp_path, progress=False)
    assert (report["n_examples"], report["exact_match"]) == (3, pytest.approx(66.67))
    assert report["f1"] == pytest.approx(100 * (1 + 1 + 2 / 3) / 3, abs=0.01)
    lines = (tmp_path / "answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b", "c"]
    assert json.loads((tmp_path / "reader.json").read_text()) == report
    assert "warning" not in report
    for setup, part, warns in (("du", "dev", True), ("zhao", "test", True), ("zhao", "dev", False)):
        reader = Oracle([Answer("1937", 0)] * 3)
        report = evaluate_reader(reader, examples, setup, part, tmp_path, progress=False)
        assert ("TRAINED" in report.get("warning", "")) == warns
    with pytest.raises(QGenError, match="no examples with answers"):
        evaluate_reader(Oracle([]), examples[3:], "du", "test", tmp_path)
    with pytest.raises(QGenError, match="cannot write the report"):  # before it reads
        evaluate_reader(Oracle([]), examples, "du", "test", tmp_path / "reader.json")


def test_answers_proposed(reader):
    examples = [
        Example(PASSAGE, locate_answer(PASSAGE, text), "?")
        for text in ("1937", "the Gate")
        if text in PASSAGE
    ]
    wrong = [Example(PASSAGE, Answer("opened in San", 23), "?")]
    assert answers_proposed(reader, examples, count=99) == 1
    assert answers_proposed(reader, wrong, count=1) in (0, 1)


# -- confidence ------------------------------------------------------------------------------------


def test_logistic_regression_finds_what_decides():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(400, 2, generator=generator, dtype=torch.float64)
    labels = (values[:, 0] > 0.3).double()
    weights, bias = fit(values, labels)
    assert weights[0] > 5 * weights[1].abs() and bias < 0
    logits = cross_validated(values, labels, [str(i % 20) for i in range(400)])
    assert roc_auc_score(labels, logits) > 0.95
    noise = torch.rand(400, generator=generator).round().double()
    logits = cross_validated(values, noise, [str(i % 20) for i in range(400)])
    assert 0.3 < roc_auc_score(noise, logits) < 0.7, "what was fitted on does not count"


def test_logistic_regression_penalises_each_weight_by_its_own():
    generator = torch.Generator().manual_seed(0)
    values = 3 * torch.randn(200, 3, generator=generator, dtype=torch.float64) + 1
    labels = (values.sum(1) + torch.randn(200, generator=generator) > 3).double()
    penalties = torch.tensor([0.01, 0.1, 1.0], dtype=torch.float64)
    weights, bias = fit(values, labels, penalties)
    found = torch.cat([weights, torch.tensor([bias])]).requires_grad_()
    loss = (
        torch.nn.functional.binary_cross_entropy_with_logits(values @ found[:3] + found[3], labels)
        + (penalties * (found[:3] * values.std(0)) ** 2).sum()
    )
    (slope,) = torch.autograd.grad(loss, found)
    assert slope.abs().max() < 1e-4, "at the minimum"
    assert found[0] > found[1] > found[2] > 0


def test_confidence_grows_with_agreement():
    question = Question("When was the bridge opened?", Answer("1937", 0), -0.3)
    right = Reading(Answer("1937", 0), 0.9, 0.01, 0.9)
    wrong = Reading(Answer("Strauss", 9), 0.9, 0.01, 0.001)
    assert 0 < confidence(PASSAGE, question, wrong) < confidence(PASSAGE, question, right) < 1
    values = features(PASSAGE, question, right)
    assert set(WEIGHTS.features) == {"bias", *values}
    assert values["agreement"] == 1 and values["foreign"] == 0 == values["repeated"]
    never = Reading(Answer("Strauss", 9), 1.0, 0.0, 0.0)
    assert features(PASSAGE, question, never)["expected"] == -20


def test_the_readers_states_count_where_weights_for_them_are_known():
    question = Question("When was the bridge opened?", Answer("1937", 0), -0.3)
    read = Reading(Answer("1937", 0), 0.9, 0.01, 0.9, torch.tensor([1.0, 2.0]))
    nothing, some = (Weights(WEIGHTS.features, torch.tensor(w)) for w in ([0.0, 0.0], [4.0, -1.0]))

    def odds(*arguments):
        sure = confidence(PASSAGE, question, *arguments)
        return sure / (1 - sure)

    without = odds(read)
    for arguments in ((read, WEIGHTS), (read, nothing), (replace(read, states=None), some)):
        assert odds(*arguments) == pytest.approx(without)
    assert odds(read, some) == pytest.approx(without * math.e**2, rel=1e-4)


def test_weights_are_kept_beside_the_reader(tmp_path):
    assert load_weights("", 2) is WEIGHTS and load_weights(tmp_path, 2) is WEIGHTS
    kept = Weights(WEIGHTS.features, torch.tensor([0.123456, -2e-7]))
    (tmp_path / CONFIDENCE_FILE).write_text(kept.to_json())
    found = load_weights(tmp_path, 2)
    assert found.features == pytest.approx(kept.features, rel=1e-3)
    assert found.states.tolist() == pytest.approx([0.1235, -2e-7])
    assert found.to_json() == kept.to_json() != WEIGHTS.to_json()
    with pytest.raises(QGenError, match="4 states were expected"):
        load_weights(tmp_path, 4)
    for text in ("", "[]", '{"features": {}, "states": []}', '{"features": 1}'):
        (tmp_path / CONFIDENCE_FILE).write_text(text)
        with pytest.raises(QGenError, match=f"{CONFIDENCE_FILE} does not hold the weights"):
            load_weights(tmp_path, 2)


@pytest.mark.parametrize(
    ("question", "length", "fronted"),
    [("Whose bridge is it?", 4, 0), ("In what year did it open?", 6, 1), ("Howard's?", 2, 1)],
)
def test_features_of_the_form(question, length, fronted):
    asked = Question(question, Answer("1937", 0), -0.3)
    values = features(PASSAGE, asked, Reading(Answer("1937", 0), 0.9, 0.01, 0.9))
    assert (values["length"], values["fronted"]) == (length, fronted)


@pytest.mark.parametrize(
    ("question", "reordered", "copied"),
    [
        ("Who sold the mill to a baker?", 0, 4 / 5),
        ("Who sold the baker a mill?", 1 / 3, 0),  # put together wrongly
        ("Who was the mill's baker?", 0, 0),
        ("Who rang?", 0, 0),
        ("", 0, 0),
    ],
)
def test_features_of_the_words(question, reordered, copied):
    passage = "A mill burnt down in May. Strauss had sold the mill to a baker, who sold flour."
    asked = Question(question, Answer("Strauss", passage.index("Strauss")), -0.3)
    values = features(passage, asked, Reading(Answer("Strauss", 26), 0.9, 0.01, 0.9))
    assert (values["reordered"], values["copied"]) == pytest.approx((reordered, copied))


@pytest.mark.parametrize(
    ("question", "answer", "definite", "named", "listed", "given"),
    [
        ("What did the company sell?", "the mill", 1, 0, 0, 0),
        ("What did the company of Strauss sell to the baker?", "the mill", 1, 0, 0, 0),
        ("Who sold the mill of the village?", "Strauss and Flint", 1, 1, 1, 0),
        ("Which Strauss sold it?", "Strauss", 0, 1, 0, 1),
        ("What was sold?", "bread, flour", 0, 0, 1, 0),
    ],
)
def test_features_of_what_stands_on_its_own(question, answer, definite, named, listed, given):
    asked = Question(question, Answer(answer, 0), -0.3)
    values = features(answer, asked, Reading(Answer(answer, 0), 0.9, 0.01, 0.9, rarity=8.5))
    names = ("definite", "named", "listed", "given", "rarity")
    assert [values[name] for name in names] == [definite, named, listed, given, 8.5]


def test_rare_words_have_higher_ids(reader):
    rarities = [
        reader.read([(PASSAGE, question, Answer("1937", PASSAGE.index("1937")))])[0].rarity
        for question in ("when was it?", "when was the golden gate bridge opened?")
    ]
    assert rarities == pytest.approx(2 * [math.log(COMMON)])  # a small vocabulary
    tokens = reader.tokenizer(["bridge"], add_special_tokens=False)["input_ids"][0]
    row = _Row(0, [0, *tokens, 9 * COMMON], [], len(tokens) + 1, 0, [], None)
    assert row.rarity() == pytest.approx((math.log(COMMON) + math.log(9 * COMMON)) / 2)


def test_commands(checkpoint, tmp_path, capsys):
    assert main(["evaluate-reader", "--split", "du", "--model", str(tmp_path / "none")]) == 2
    assert "cannot load the reader" in capsys.readouterr().err


def test_the_command_warns_of_training(reader, tmp_path, monkeypatch, capsys):
    examples = [Example(PASSAGE, locate_answer(PASSAGE, "1937"), "when was it?")]
    monkeypatch.setattr(reader.model.config, "trained_on", ["du:train"])
    monkeypatch.setattr("qgen.model.reader.Reader.from_pretrained", lambda *a, **k: reader)
    monkeypatch.setattr("eval.splits.load_part", lambda *a, **k: examples)
    command = ["evaluate-reader", "--split", "du", "--out", str(tmp_path)]
    for part, warns in (("train", True), ("test", False)):
        assert main([*command, "--part", part]) == 0
        assert ("TRAINED" in capsys.readouterr().err) == warns


def test_calibrate_command(n_best_generator, reader, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("eval.calibrate.Reader.from_pretrained", lambda *a, **k: reader)
    monkeypatch.setattr(
        "eval.calibrate.NBestGenerator.from_pretrained", lambda *a, **k: n_best_generator
    )
    monkeypatch.setattr(
        n_best_generator, "score", lambda asked: [-0.1 * i for i in range(len(asked))]
    )
    rows = [
        {"id": str(i), "passage": f"{PASSAGE} {i}",
         "answer": "1937", "answer_start": PASSAGE.index("1937"),
         "question": f"when {'was' if i % 2 else 'did'} it {i}?",
         "judgement": "good" if i < 10 else "wrong"}
        for i in range(20)
    ]  # fmt: skip
    path = tmp_path / "judged.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    calibrate([str(path), "--out", str(tmp_path)])
    shown = capsys.readouterr().out
    assert f"of those in {path}:\narea under ROC" in shown
    assert "surprise: alone 0.000" in shown and '"bias"' in shown and "states: " in shown
    size = 2 * reader.model.config.hidden_size
    loaded = load_weights(tmp_path, size)
    assert loaded.states.shape == (size,)
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(row) + "\n" for row in rows[5:15]))
    calibrate([str(path), "--test", str(other), "--out", str(tmp_path / "out")])
    shown = capsys.readouterr().out
    assert f"of those in {other}:\narea under ROC" in shown and f"of those in {path}" not in shown
    again = load_weights(tmp_path / "out", size)
    assert again.to_json() == loaded.to_json(), "what is measured on changes no weights"
    for name in ("judgement", "question", "answer"):
        bad = {key: value for key, value in rows[0].items() if not key.startswith(name)}
        path.write_text(json.dumps(bad) + "\n")
        with pytest.raises(QGenError, match=f"line 1: no {name}"):
            calibrate([str(path)])
