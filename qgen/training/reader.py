"""Fine-tuning the reader on the same examples as the question generator."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from qgen.errors import QGenError
from qgen.model.encoder import FAMILIES, EncoderConfig
from qgen.model.reader import model_inputs, pack_question
from qgen.model.sources import token_span
from qgen.records import Example
from qgen.settings import ReaderTrainingSettings
from qgen.training.objectives import Item, divergence_of_halves, drawn_by_torch
from qgen.training.trainer import ItemDataset, fit, newest_checkpoint, prepare_run

_log = logging.getLogger(__name__)


class ReaderExamples(ItemDataset):
    """Examples as token ids: question, passage, the answer's place, those of all the answers that
    are asked for in the passage, and another question.

    A passage too long is cut to a window that holds the answer, anywhere in it.  The other question
    is of another passage, if possible of the same article, so that it cannot be told from the right
    one by its subject.

    Args:
        examples: those without an answer, or with one that does not fit, are left out;
            ``skipped`` counts them.
        tokenizer: the reader's.
        max_length: most tokens of question and passage, special ones included.
        seed: of the windows' places and of the other questions.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int = 256,
        seed: int = 0,
    ):
        super().__init__()
        self.skipped = 0
        draw = random.Random(seed)
        special = tokenizer.num_special_tokens_to_add(pair=True)
        questions = [
            tokenizer(example.question, add_special_tokens=False)["input_ids"][: max_length // 4]
            for example in examples
        ]
        passages: dict[str, tuple[list[int], list[tuple[int, int]]]] = {}
        places: list[range | None] = []
        asked: dict[str, list[range]] = {}
        for example in examples:
            if example.passage not in passages:
                encoded = tokenizer(
                    example.passage,
                    add_special_tokens=False,
                    return_offsets_mapping=True,
                    verbose=False,
                )
                passages[example.passage] = (encoded["input_ids"], encoded["offset_mapping"])
            offsets = passages[example.passage][1]
            place = token_span(offsets, example.answer) if example.answer else None
            places.append(place)
            if place:
                asked.setdefault(example.passage, []).append(place)
        for i, (example, place) in enumerate(zip(examples, places, strict=True)):
            ids = passages[example.passage][0]
            other = _another(examples, i, draw)
            window = max_length - special - max(len(questions[i]), len(questions[other]))
            if not place or len(place) > window:
                self.skipped += 1
                continue
            lowest, highest = max(0, place.stop - window), min(place.start, len(ids) - window)
            left = draw.randint(lowest, max(lowest, highest))
            inside = [
                [each.start - left, each.stop - 1 - left]
                for each in asked[example.passage]
                if left <= each.start and each.stop <= left + window
            ]
            self.items.append(
                {
                    "question": questions[i],
                    "passage": ids[left : left + window],
                    "span": [place.start - left, place.stop - 1 - left],
                    "asked": inside,
                    "other": questions[other],
                }
            )


def _another(examples: Sequence[Example], i: int, draw: random.Random) -> int:
    """An example near the ``i``-th, and so mostly of its article, with another passage."""
    for distance in (20, 20, 20, 200, len(examples)):
        j = min(max(0, i + draw.randint(-distance, distance)), len(examples) - 1)
        if examples[j].passage != examples[i].passage:
            return j
    return (i + 1) % len(examples)


def own_inputs(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[list[int]], types: Sequence[list[int]]
) -> dict[str, Tensor]:
    """As :func:`qgen.model.reader.model_inputs`, without the types of tokens where a model of
    ``transformers`` has none."""
    inputs = model_inputs(tokenizer, ids, types)
    return {name: inputs[name] for name in inputs if name in tokenizer.model_input_names}


class SpanObjective:
    """Where the answer starts and ends, each a cross-entropy over the tokens.

    Each time an example is drawn it is, by chance, given its own question; none, so that the model
    learns which spans are asked for, each of the passage's in equal parts; or one whose answer is
    ``[CLS]``: a question about another passage.

    Args:
        tokenizer: the reader's.
        mismatched_share, unasked_share, consistency_weight: see
            :class:`qgen.settings.ReaderTrainingSettings`.
    """

    label_names = ("starts", "ends")

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        mismatched_share: float = 0.0,
        unasked_share: float = 0.0,
        consistency_weight: float = 0.0,
    ):
        self.tokenizer = tokenizer
        self.consistency_weight = consistency_weight
        self.mismatched_share = mismatched_share
        self.unasked_share = unasked_share

    def collate(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """What the model takes and, as shares of one, where the answers start and end; ``[batch,
        longest]`` each."""
        ids, types, spans = [], [], []
        draw = drawn_by_torch()
        kinds = draw.choices(
            ["mismatched", "unasked", "asked"],
            [
                self.mismatched_share,
                self.unasked_share,
                1 - self.mismatched_share - self.unasked_share,
            ],
            k=len(items),
        )
        for item, kind in zip(items, kinds, strict=True):
            own, other = item["question"], item["other"]
            question = {"mismatched": other, "unasked": [], "asked": own}[kind]
            row, row_types, first = pack_question(self.tokenizer, question, item["passage"])
            ids.append(row)
            types.append(row_types)
            no_answer = [[-first, -first]]  # at [CLS]
            answers = {"unasked": item["asked"], "asked": [item["span"]]}.get(kind, no_answer)
            spans.append(torch.tensor(answers) + first)
        starts, ends = torch.zeros(2, len(ids), max(map(len, ids)))
        for i, span in enumerate(spans):
            shares = torch.full((len(span),), 1 / len(span))
            starts[i].index_add_(0, span[:, 0], shares)
            ends[i].index_add_(0, span[:, 1], shares)
        return {
            **own_inputs(self.tokenizer, ids, types),
            "starts": starts,
            "ends": ends,
        }

    def loss(self, model: PreTrainedModel, batch: dict[str, Tensor]) -> Tensor:
        """Mean nats of start and end, and in training the weighted divergence; ``batch`` is of
        :meth:`collate`."""
        weight = self.consistency_weight if model.training else 0.0
        if weight:
            batch = {name: torch.cat([tensor, tensor]) for name, tensor in batch.items()}
        output = model(**{k: v for k, v in batch.items() if k not in self.label_names})
        losses = []
        for logits, true in (
            (output.start_logits, batch["starts"]),
            (output.end_logits, batch["ends"]),
        ):
            predicted = logits.float().log_softmax(-1)
            losses.append(-(true * predicted).sum(-1).mean())
            if weight:
                losses[-1] += weight * divergence_of_halves(predicted)
        return sum(losses) / 2

    def length(self, item: Item) -> int:
        """Tokens of question and passage, special ones included."""
        special = self.tokenizer.num_special_tokens_to_add(pair=True)
        return len(item["question"]) + len(item["passage"]) + special


def _max_positions(config: PreTrainedConfig) -> float:
    """Tokens that fit the position embeddings; no limit where it is not known."""
    if config.model_type not in FAMILIES:
        return math.inf
    names = ("model_type", "max_position_embeddings", "pad_token_id")
    return EncoderConfig(**{name: getattr(config, name) for name in names}).max_positions


def train_reader(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    output_dir: str | Path,
    dev_examples: Sequence[Example] = (),
    settings: ReaderTrainingSettings | None = None,
) -> Path:
    """Fine-tune a reader, or go on with the run that ``output_dir`` already holds.

    Args:
        model: a question-answering model, such as :func:`qgen.transformers.load_reader` makes of
            an encoder.
        tokenizer, examples, output_dir, dev_examples, settings: as of
            :func:`qgen.training.generator.train`.

    Returns:
        The directory of the finished model.

    Raises:
        QGenError: no example has an answer that fits, ``max_length`` does not fit the model, or
            ``output_dir`` holds a run with other settings, from another model or on other examples.
    """
    settings = settings or ReaderTrainingSettings()
    output_dir = prepare_run(output_dir, settings, examples, model.name_or_path)
    positions = _max_positions(model.config)
    if settings.max_length > positions and newest_checkpoint(output_dir) is None:
        raise QGenError(
            f"max_length is {settings.max_length} tokens, and the model has {positions} positions"
        )
    dataset = ReaderExamples(examples, tokenizer, settings.max_length, settings.seed)
    if dataset.skipped:
        _log.warning(
            "left out %d of %d examples, which have no answer or one that does not fit into %d "
            "tokens with its question",
            dataset.skipped,
            len(examples),
            settings.max_length,
        )
    if not len(dataset):
        raise QGenError("no training example has an answer that fits")
    dev = ReaderExamples(dev_examples[: settings.max_dev_examples], tokenizer, settings.max_length)
    shares = (settings.mismatched_share, settings.unasked_share)
    objective = SpanObjective(tokenizer, *shares, settings.consistency_weight)
    return fit(model, tokenizer, objective, dataset, dev, output_dir, settings)
