"""Minimum-risk training on tiny models: the reward, the n-best, and where probability goes."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from conftest import PASSAGE, random_model

from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.records import Example
from qgen.settings import TrainingSettings
from qgen.training.generator import Seq2SeqExamples, train
from qgen.training.risk import HYPOTHESES, MinimumRiskObjective, add_hypotheses, reward
from qgen.training.trainer import prepare_run

EXAMPLES = [
    Example(PASSAGE, locate_answer(PASSAGE, "1937"), "what year was the bridge opened?"),
    Example(PASSAGE, locate_answer(PASSAGE, "Joseph Strauss"), "who led the construction?"),
]


def test_reward():
    reference = "what year was the bridge opened ?".split()
    assert reward(reference, reference) == pytest.approx(1)
    assert reward([], reference) == reward(["cost"], reference) == 0
    near = reward("in what year was the bridge opened ?".split(), reference)
    far = reward("who opened the gate ?".split(), reference)
    assert 1 > near > far > 0
    # By hand: BLEU-4 (3/4 * 3/4 * 2/3 * 1/2) ** (1/4) * exp(1 - 5/4), ROUGE-L with beta 1.2 of
    # precision 3/4 and recall 3/5, METEOR's F of the same with recall weighed 85 to 15.
    bleu = (3 / 4 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25 * 2.718281828 ** (1 - 5 / 4)
    rouge = 2.44 * 0.75 * 0.6 / (0.6 + 1.44 * 0.75)
    meteor = 0.75 * 0.6 / (0.85 * 0.75 + 0.15 * 0.6)
    value = reward("a b c x".split(), "a b c d e".split())
    assert value == pytest.approx((bleu + rouge + meteor) / 3, abs=1e-6)


def test_stems_count_in_part():
    plain, stemmed = (reward(["bridges" if i else "gates"], ["bridge"]) for i in range(2))
    assert stemmed > plain == 0


@pytest.fixture
def items(bert_model, tokenizer, tmp_path):
    items = Seq2SeqExamples(EXAMPLES, tokenizer, 80, 24).items
    add_hypotheses(items, bert_model, tokenizer, tmp_path / "n-best.jsonl")
    return items


def test_hypotheses_are_distinct_end_and_are_kept(items, bert_model, tokenizer, tmp_path):
    for item in items:
        assert 2 <= len(item["hypotheses"]) == len(item["rewards"]) <= HYPOTHESES
        assert len({tuple(ids) for ids in item["hypotheses"]}) == len(item["hypotheses"])
        assert all(ids[-1] == tokenizer.sep_token_id for ids in item["hypotheses"])
    again = Seq2SeqExamples(EXAMPLES, tokenizer, 80, 24).items
    other = random_model(bert_model.config, seed=9)
    add_hypotheses(again, other, tokenizer, tmp_path / "n-best.jsonl")
    assert again == items, "what is on disk is not decoded again"
    add_hypotheses(again[:1], other, tokenizer, tmp_path / "n-best.jsonl")
    kept = (tmp_path / "n-best.jsonl").read_text().splitlines()
    (tmp_path / "n-best.jsonl").write_text(f"{kept[0]}\n{kept[1][:9]}")  # as a kill would leave it
    add_hypotheses(again, other, tokenizer, tmp_path / "n-best.jsonl")
    assert again[0] == items[0] and again[1] != items[1]


def test_hypotheses_of_other_settings_are_not_gone_on_with(tmp_path):
    """They are of other examples where another seed drew these."""
    settings = TrainingSettings(objective="minimum-risk", max_examples=2, seed=1)
    prepare_run(tmp_path, settings, EXAMPLES)
    prepare_run(tmp_path, replace(settings, seed=2), EXAMPLES)  # nothing was done yet
    (tmp_path / "n-best-train.jsonl").touch()
    with pytest.raises(QGenError, match="seed 2, now 1"):
        prepare_run(tmp_path, settings, EXAMPLES)


def test_hypotheses_are_decoded_where_training_is(bert_model, tokenizer, tmp_path, monkeypatch):
    class Moved(Exception):
        """What would have been done before goes on on the device."""

    def move(model, device):
        assert device is None and not list(tmp_path.glob("n-best-*"))
        raise Moved

    monkeypatch.setattr("qgen.training.generator.move_to", move)
    settings = TrainingSettings(
        objective="minimum-risk", max_source_length=80, max_target_length=24, bf16=False
    )
    with pytest.raises(Moved):
        train(random_model(bert_model.config), tokenizer, EXAMPLES, tmp_path, settings=settings)


def test_a_step_moves_probability_to_the_better_hypothesis(items, bert_model, tokenizer):
    model = deepcopy(bert_model)
    for item in items:
        item["rewards"] = [1.0] + [0.0] * (len(item["hypotheses"]) - 1)
    objective = MinimumRiskObjective(tokenizer, likelihood_weight=0.0)
    batch = objective.collate(items)
    assert batch["labels"].shape[:2] == batch["rewards"].shape
    assert batch["rewards"][:, 0].isnan().all(), "the reference is no hypothesis"
    before = objective.loss(model, batch)
    assert 0 < before < 1
    before.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
        assert objective.loss(model, batch) < before
        alone = [objective.loss(bert_model, objective.collate([item])) for item in items]
    assert before.item() == pytest.approx(torch.stack(alone).mean().item(), abs=1e-5)


def test_trains_and_goes_on(bert_model, tokenizer, tmp_path):
    settings = TrainingSettings(
        objective="minimum-risk", epochs=1, batch_size=1, gradient_accumulation_steps=2,
        max_source_length=80, max_target_length=24, bf16=False, max_examples=2,
    )  # fmt: skip
    final = train(
        random_model(bert_model.config), tokenizer, [*EXAMPLES, *EXAMPLES], tmp_path, EXAMPLES,
        settings,
    )  # fmt: skip
    assert (final / "model.safetensors").is_file()
    [of_train] = tmp_path.glob("n-best-train-*.jsonl")
    assert len(of_train.read_text().splitlines()) == 2
    assert '"step": 1' in (tmp_path / "log.jsonl").read_text()


def test_other_dev_examples_get_n_best_of_their_own(bert_model, tokenizer, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(
        "qgen.training.generator.fit", lambda *args: given.append(args[4].items) or tmp_path
    )
    settings = TrainingSettings(
        objective="minimum-risk", max_source_length=80, max_target_length=24, bf16=False
    )
    for dev in (EXAMPLES, EXAMPLES[::-1], EXAMPLES):
        model = random_model(bert_model.config)
        train(model, tokenizer, EXAMPLES, tmp_path, dev, settings)
    first, other, again = given
    assert [item["hypotheses"] for item in other] == [item["hypotheses"] for item in first[::-1]]
    assert again == first and len(list(tmp_path.glob("n-best-dev-*.jsonl"))) == 2
