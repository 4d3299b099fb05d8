"""The generator on a tiny random model: spans, order and errors, not quality."""

import json

import pytest
from conftest import PASSAGE

from qgen.errors import QGenError
from qgen.generator import QuestionGenerator, _best_of_answers
from qgen.settings import GenerationSettings
from qgen.types import Question, Request


def test_answer_gives_its_n_best(generator):
    settings = GenerationSettings(num_return_sequences=4)
    questions = generator.questions(PASSAGE, "1937", settings=settings)
    assert len(questions) == 4
    assert [q.score for q in questions] == sorted((q.score for q in questions), reverse=True)
    assert {(q.answer, q.answer_start) for q in questions} == {("1937", PASSAGE.index("1937"))}


def test_no_answer_gives_ranked_answers(generator):
    questions = generator.questions(PASSAGE, max_answers=3)
    assert 1 <= len(questions) <= 3
    assert [q.score for q in questions] == sorted((q.score for q in questions), reverse=True)
    for question in questions:
        assert PASSAGE.startswith(question.answer, question.answer_start)


def test_batch_equals_single_and_keeps_order(generator):
    requests = [Request(PASSAGE, "1937"), Request(PASSAGE), Request("Joseph led it.", "Joseph")]
    together = generator.generate(requests)
    for request, questions in zip(requests, together):
        alone = generator.questions(request.passage, request.answer)
        assert [q.question for q in alone] == [q.question for q in questions]
        assert [q.score for q in alone] == pytest.approx([q.score for q in questions], abs=1e-4)


def test_an_answer_too_long_for_the_window_widens_it(generator, monkeypatch):
    monkeypatch.setattr(generator.model.config, "max_source_length", 20)
    answer = PASSAGE[: PASSAGE.index("1937")]  # 8 tokens; 20 have room for it
    assert generator.questions(PASSAGE, answer)
    assert generator.questions(PASSAGE, PASSAGE)[0].answer == PASSAGE  # 27 tokens
    with pytest.raises(QGenError, match="has room for"):
        generator.questions(PASSAGE * 4, PASSAGE * 4)  # more than the model has positions for


def test_agnostic_has_no_answer(generator):
    [[question]] = generator.agnostic([PASSAGE])
    assert (question.answer, question.answer_start) == ("", None)


def test_sampling_is_reproducible(generator):
    settings = GenerationSettings(do_sample=True, seed=5, num_return_sequences=3)
    first = generator.questions(PASSAGE, "1937", settings=settings)
    assert first == generator.questions(PASSAGE, "1937", settings=settings)


@pytest.mark.parametrize(
    "arguments",
    [("",), ("  ", "x"), (PASSAGE, "London"), (PASSAGE, ""), ("!!!",), (PASSAGE, "1937", 3)],
)
def test_bad_input(generator, arguments):
    with pytest.raises(QGenError):
        generator.questions(*arguments)


def test_best_of_answers():
    def asked(question, answer, start, score):
        return Question(question, answer, start, score)

    questions = [
        asked("When was it?", "in 1937", 10, -0.2),
        asked("What year?", "1937", 13, -0.1),
        asked("Who is Joseph Strauss?", "Joseph", 40, -0.3),
        asked("What year?", "Strauss", 50, -0.4),
        asked("Who led?", "Joseph Strauss", 40, -0.5),
        asked("What cost?", "construction", 80, -0.6),
    ]
    best = _best_of_answers(questions, 3)
    assert [q.question for q in best] == ["What year?", "Who led?", "What cost?"]
    assert len(_best_of_answers(questions, 1)) == 1


def test_checkpoint_round_trip(checkpoint, generator):
    loaded = QuestionGenerator.from_pretrained(checkpoint, device="cpu")
    assert loaded.questions(PASSAGE, "1937") == generator.questions(PASSAGE, "1937")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"not safetensors"),
        ("model.safetensors", b""),
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b'{"model_type": "no-such-model"}'),
        ("tokenizer.json", b"{"),
    ],
)
def test_corrupt_checkpoint(checkpoint, tmp_path, name, content):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_bytes(content)
    with pytest.raises(QGenError) as caught:
        QuestionGenerator.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_truncated_weights(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = (checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(QGenError):
        QuestionGenerator.from_pretrained(tmp_path)


def test_missing_checkpoint_and_device(checkpoint, tmp_path):
    with pytest.raises(QGenError):
        QuestionGenerator.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(QGenError, match="device"):
        QuestionGenerator.from_pretrained(checkpoint, device="no-such-device")


def test_plain_encoder_is_refused(bert_model, tokenizer, tmp_path):
    bert_model.mlm.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(QGenError, match="qgen train"):
        QuestionGenerator.from_pretrained(tmp_path)


def test_weights_of_another_shape_are_refused(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["backbone"]["intermediate_size"] = 48
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(QGenError):
        QuestionGenerator.from_pretrained(tmp_path)
