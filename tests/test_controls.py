"""Tokens that say in which style or of which kind to ask: packed, trained, asked for."""

import json
import random
from copy import deepcopy
from dataclasses import replace

import pytest
from conftest import PASSAGE, VOCABULARY, random_model
from transformers import BertTokenizerFast

from qgen.asking.generator import NBestGenerator
from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.files.examples import read_examples
from qgen.model.checkpoints import load_checkpoint
from qgen.model.sources import AnswerTooLongError, crop_source, pack_source
from qgen.records import Example
from qgen.settings import GenerationSettings, TrainingSettings
from qgen.training.generator import Seq2SeqExamples, add_controls, train

MARKERS = [5, 6]
WORDS = [*VOCABULARY, "[unused2]", "[unused3]", "[unused4]"]
FIRST, SECOND, THIRD = range(len(VOCABULARY), len(WORDS))
ANSWER = locate_answer(PASSAGE, "1937")


@pytest.fixture(scope="session")
def roomy_tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    path.write_text("\n".join(WORDS), encoding="utf-8")
    return BertTokenizerFast(vocab=str(path), do_lower_case=True)


@pytest.fixture
def model(copying_model):
    config = deepcopy(copying_model.config)
    config.backbone.vocab_size = len(WORDS)
    config.controls = {"how": FIRST, "why": SECOND}
    return random_model(config)


@pytest.mark.parametrize("answer", [ANSWER, None])
@pytest.mark.parametrize("length", [18, 24, 464])
def test_controls_stand_before_the_passage_which_makes_room(roomy_tokenizer, answer, length):
    plain = pack_source(roomy_tokenizer, PASSAGE, answer, length, MARKERS)
    packed = pack_source(roomy_tokenizer, PASSAGE, answer, length, MARKERS, [FIRST, SECOND])
    assert packed[:3] == [roomy_tokenizer.cls_token_id, FIRST, SECOND]
    shorter = pack_source(roomy_tokenizer, PASSAGE, answer, length - 2, MARKERS)
    assert packed[3:] == shorter[1:]
    assert len(packed) == min(length, len(plain) + 2)


def test_controls_count_where_the_answer_does_not_fit(roomy_tokenizer):
    answer = locate_answer(PASSAGE, "Golden Gate Bridge opened")
    with pytest.raises(AnswerTooLongError) as caught:
        pack_source(roomy_tokenizer, PASSAGE, answer, 12, MARKERS, [FIRST])
    required = caught.value.required_length
    assert (
        len(pack_source(roomy_tokenizer, PASSAGE, answer, required, MARKERS, [FIRST])) == required
    )
    assert required == 1 + 1 + 2 + 4 + 1 + 4 + 1


def test_cropping_keeps_them(roomy_tokenizer):
    passage = "bridge " * 150 + "san francisco " + "year " * 150
    answer = locate_answer(passage, "san francisco")
    plain = pack_source(roomy_tokenizer, passage, answer, 464, MARKERS)
    packed = pack_source(roomy_tokenizer, passage, answer, 464, MARKERS, [FIRST, SECOND])
    for seed in range(30):
        expected = crop_source(plain, roomy_tokenizer.sep_token_id, MARKERS, random.Random(seed))
        cropped = crop_source(
            packed, roomy_tokenizer.sep_token_id, MARKERS, random.Random(seed), n_controls=2
        )
        assert cropped == [packed[0], FIRST, SECOND, *expected[1:]]


def test_rows_name_them(tmp_path):
    path = tmp_path / "rows.jsonl"
    row = {"passage": PASSAGE, "answer": "1937", "question": "When?"}
    path.write_text("\n".join(map(json.dumps, [row, row | {"controls": ["search", "why"]}])))
    assert [example.controls for example in read_examples(path)] == [(), ("search", "why")]
    for wrong in ("why", [1], {"why": 1}):
        path.write_text(json.dumps(row | {"controls": wrong}))
        with pytest.raises(QGenError, match=r"line 1: \"controls\" must be a list of names"):
            read_examples(path)


def test_they_get_the_tokens_after_the_markers_and_keep_them(roomy_tokenizer):
    first = add_controls({}, ["why", "how", "why"], roomy_tokenizer)
    assert first == {"how": FIRST, "why": SECOND}
    assert add_controls(first, ["action", "why"], roomy_tokenizer) == first | {"action": THIRD}
    assert add_controls({"why": SECOND}, ["action"], roomy_tokenizer)["action"] == FIRST
    with pytest.raises(QGenError, match="no token left for the control 'd'"):
        add_controls({}, "abcd", roomy_tokenizer)


def test_training_records_them(model, roomy_tokenizer, tmp_path):
    plain = Example(PASSAGE, ANSWER, "when was it opened?")
    examples = [plain, replace(plain, controls=("why", "action"))]
    items = Seq2SeqExamples(examples, roomy_tokenizer, control_ids={"why": 9, "action": 8}).items
    assert items[0]["input_ids"][1:] == items[1]["input_ids"][3:]
    assert items[1]["input_ids"][1:3] == [9, 8]
    settings = TrainingSettings(
        epochs=1, max_source_length=64, max_target_length=24, bf16=False, crop_share=1.0
    )
    final = train(model, roomy_tokenizer, examples, tmp_path, examples, settings)
    trained, _ = load_checkpoint(final)
    assert trained.config.controls == {"how": FIRST, "why": SECOND, "action": THIRD}


def test_one_of_the_dev_examples_alone_is_refused(model, roomy_tokenizer, tmp_path):
    examples = [Example(PASSAGE, locate_answer(PASSAGE, "1937"), "when did it open?")]
    dev = [replace(examples[0], controls=("search",))]
    settings = TrainingSettings(max_source_length=64, max_target_length=24)
    with pytest.raises(QGenError, match="'search', and no training example"):
        train(deepcopy(model), roomy_tokenizer, examples, tmp_path, dev, settings)


def test_settings_and_the_kind_of_the_answer_ask_for_them(model, roomy_tokenizer, monkeypatch):
    generator = NBestGenerator(model, roomy_tokenizer, device="cpu")
    packed = []

    def seen(*args):
        packed.append(args[5])
        return pack_source(*args)

    monkeypatch.setattr("qgen.asking.generator.pack_source", seen)
    [[plain]] = generator.generate([(PASSAGE, ANSWER)])
    why = GenerationSettings(controls=("why",))
    [[asked]] = generator.generate([(PASSAGE, ANSWER)], why)
    of_kind = replace(ANSWER, kind="why")
    [[proposed]] = generator.generate([(PASSAGE, of_kind)])
    generator.generate([(PASSAGE, of_kind), (PASSAGE, replace(ANSWER, kind="date"))], why)
    generator.generate([(PASSAGE, of_kind)], GenerationSettings(controls=("how",)))
    assert packed == [[], [SECOND], [SECOND], [SECOND], [SECOND], [FIRST, SECOND]]
    assert asked.question == proposed.question
    assert asked.score == pytest.approx(proposed.score, abs=1e-4)
    assert asked.score != pytest.approx(plain.score, abs=1e-4)


def test_an_unknown_one_is_refused(model, roomy_tokenizer):
    generator = NBestGenerator(model, roomy_tokenizer, device="cpu")
    settings = GenerationSettings(controls=("why", "whence"))
    with pytest.raises(QGenError, match=r"no control 'whence'; it knows how, why$"):
        generator.generate([(PASSAGE, ANSWER)], settings)
    model.config.controls = None
    with pytest.raises(QGenError, match=r"no control 'why'; it knows none$"):
        generator.generate([(PASSAGE, ANSWER)], settings)
    generator.generate([(PASSAGE, replace(ANSWER, kind="why"))])  # an older checkpoint
