"""Minimum-risk training: on whole questions, by how like the reference they are.

After training on likelihood, the model's own n-best for each example is decoded once; its
probabilities, renormalised over these few, are then moved to the questions that are most like the
reference (Shen et al. 2016, arXiv:1512.02433; Edunov et al. 2018, arXiv:1711.04956).
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import torch
from nltk.stem import PorterStemmer
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from qgen.model.decoding import decode
from qgen.model.sources import pad, word_pieces_joined
from qgen.model.unilm import IGNORE_INDEX
from qgen.settings import GenerationSettings
from qgen.training.objectives import Item, source_batch
from qgen.transformers import UniLMForConditionalGeneration

BEAMS = 8
"""Questions decoded for each example.  No measurement of this value and the next is recorded."""

HYPOTHESES = 4
"""How many of them are kept: the most probable, the most and the least like the reference, and
another one."""

_CHUNK = 256
"""Examples whose questions are written down together."""


def reward(hypothesis: Sequence[str], reference: Sequence[str]) -> float:
    """How like a reference a question is, from 0 to 1.

    The mean of sentence BLEU-4 (one added to the counts above unigrams), ROUGE-L (beta 1.2) and a
    METEOR-like score: the F of stemmed words that weighs recall as METEOR 1.5 does.

    Args:
        hypothesis, reference: lower-cased words.
    """
    if not hypothesis or not reference:
        return 0.0
    bleu = sentence_bleu([reference], hypothesis, smoothing_function=SmoothingFunction().method2)
    common = _lcs_length(hypothesis, reference)
    rouge = _f(common / len(hypothesis), common / len(reference), 1.2**2)
    stems = [Counter(map(_stem, words)) for words in (hypothesis, reference)]
    matched = (stems[0] & stems[1]).total()
    meteor = _f(matched / len(hypothesis), matched / len(reference), 0.85 / 0.15)
    return (bleu + rouge + meteor) / 3


def _lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """The length in tokens of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for token in first:
        previous = row
        row = [0]
        for j, other in enumerate(second):
            match = token == other
            row.append(previous[j] + 1 if match else max(previous[j + 1], row[j]))
    return row[-1]


def _f(precision: float, recall: float, beta2: float) -> float:
    both = recall + beta2 * precision
    return (1 + beta2) * precision * recall / both if both else 0.0


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return PorterStemmer().stem(word)


def add_hypotheses(
    items: Sequence[Item],
    model: UniLMForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    path: Path,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Give every item ``hypotheses``, token ids of questions, and their ``rewards``.

    Args:
        items: examples as token ids.
        model: what decodes.
        tokenizer: its tokenizer.
        path: where they are kept, so that a killed run does not decode them again.
        dtype: of the arithmetic.
    """
    decoder = deepcopy(model).eval()
    decoder.to(dtype=dtype)
    longest = min(GenerationSettings.max_length, model.config.max_target_length)
    settings = GenerationSettings(num_beams=BEAMS, num_return_sequences=BEAMS, max_length=longest)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = text.rfind("\n") + 1  # a kill may have left a part of a line behind it
    known = text[:whole].splitlines()
    with (
        path.open("a", encoding="utf-8") as file,
        tqdm(total=len(items), initial=len(known), unit="example", file=sys.stderr) as bar,
    ):
        file.truncate(whole)
        for begin in range(len(known), len(items), _CHUNK):
            chunk = items[begin : begin + _CHUNK]
            lines = [json.dumps(found) for found in _n_best(chunk, decoder, tokenizer, settings)]
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            known += lines
            bar.update(len(chunk))
    for item, line in zip(items, known, strict=False):  # of a dev part that was longer, more
        item.update(json.loads(line))


def _n_best(items, model, tokenizer, settings) -> list[dict]:
    found: list[dict] = [{} for _ in items]
    order = sorted(range(len(items)), key=lambda i: len(items[i]["input_ids"]))
    for begin in range(0, len(order), 32):
        rows = order[begin : begin + 32]
        ids = pad([items[i]["input_ids"] for i in rows], tokenizer.pad_token_id).to(model.device)
        output = decode(model, ids, ids.ne(tokenizer.pad_token_id), settings)
        for i, sequences in zip(rows, output.sequences.tolist(), strict=True):
            ends = [ids.index(tokenizer.sep_token_id) + 1 for ids in sequences]
            questions = [ids[:end] for ids, end in zip(sequences, ends, strict=True)]
            reference = word_pieces_joined(tokenizer, items[i]["labels"]).split()
            rewards = [
                reward(word_pieces_joined(tokenizer, question).split(), reference)
                for question in questions
            ]
            by_reward = sorted(range(len(questions)), key=rewards.__getitem__)
            others = random.Random(str(items[i]["labels"])).sample(by_reward, len(by_reward))
            kept = list(dict.fromkeys([0, by_reward[-1], by_reward[0], *others]))[:HYPOTHESES]
            found[i] = {
                "hypotheses": [questions[k] for k in kept],
                "rewards": [round(rewards[k], 4) for k in kept],
            }
    return found


class MinimumRiskObjective:
    """The expected cost (one less the reward) of the hypotheses, and some of the likelihood of the
    reference, which keeps the model from forgetting it.

    Args:
        tokenizer: the model's.
        likelihood_weight: of the reference's label-smoothed loss beside the expected cost.
        label_smoothing: probability mass spread over the vocabulary, in training.
    """

    label_names = ("labels",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        likelihood_weight: float = 0.3,
        label_smoothing: float = 0.0,
    ):
        self.tokenizer = tokenizer
        self.likelihood_weight = likelihood_weight
        self.label_smoothing = label_smoothing

    def collate(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """``input_ids`` and ``attention_mask`` ``[batch, longest source]``; ``labels`` ``[batch,
        targets, longest target]``, the reference first; ``rewards`` ``[batch, targets]``, NaN where
        there is no hypothesis."""
        texts = [[item["labels"], *item["hypotheses"]] for item in items]
        width = max(map(len, texts))
        rows = [text for row in texts for text in (*row, *[[]] * (width - len(row)))]
        nothing = float("nan")
        rewards = [
            [nothing, *item["rewards"], *[nothing] * (width - 1 - len(item["rewards"]))]
            for item in items
        ]
        return {
            **source_batch(items, self.tokenizer),
            "labels": pad(rows, IGNORE_INDEX).view(len(items), width, -1),
            "rewards": torch.tensor(rewards),
        }

    def loss(self, model: UniLMForConditionalGeneration, batch: dict[str, Tensor]) -> Tensor:
        """The expected cost, and the reference's weighted mean nats per token; ``batch`` is of
        :meth:`collate`."""
        labels, rewards = batch["labels"], batch["rewards"]
        count = labels.shape[1]
        flat = labels.flatten(1)
        targets = flat.masked_fill(flat.eq(IGNORE_INDEX), self.tokenizer.pad_token_id)
        states = model.pseudo_masked_states(
            batch["input_ids"], batch["attention_mask"], targets, count
        )
        likelihood, uniform = (
            values.view(labels.shape) for values in model.label_log_probabilities(*states, flat)
        )
        smoothing = self.label_smoothing if model.training else 0.0
        reference = (1 - smoothing) * likelihood[:, 0] + smoothing * uniform[:, 0]
        reference_loss = -reference.sum() / labels[:, 0].ne(IGNORE_INDEX).sum()
        real = ~rewards.isnan()
        share = likelihood.sum(-1).masked_fill(~real, float("-inf")).softmax(-1)
        cost = (share * (1 - rewards.nan_to_num())).masked_fill(~real, 0).sum(-1).mean()
        return self.likelihood_weight * reference_loss + cost

    def length(self, item: Item) -> int:
        """Tokens of the source and of the targets, each padded to the longest, and a ``[MASK]`` for
        each of the targets'."""
        texts = [item["labels"], *item["hypotheses"]]
        return len(item["input_ids"]) + 2 * len(texts) * max(map(len, texts))
