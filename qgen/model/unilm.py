"""MiniLM as a UniLM sequence-to-sequence model.

One encoder stack reads source and target packed together as
``[CLS] source [SEP] target [SEP]`` under the sequence-to-sequence attention
mask of UniLM (Dong et al. 2019, arXiv:1905.03197): source positions see the
whole source, target positions see the source, earlier target positions and
themselves.  The stack is any of BERT's or RoBERTa's shape (MiniLM, Wang et al.
2020, arXiv:2002.10957; MiniLMv2), and its masked-LM head, tied to the word
embeddings, predicts the target tokens.

Here it is plain PyTorch; :mod:`qgen.transformers` has it as a model of that library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from qgen.model.encoder import EncoderConfig
from qgen.model.heads import MaskedLanguageModel
from qgen.model.layouts import Layout, pseudo_masked_layout, seq2seq_layout
from qgen.model.output import CopyGate, CopySource, Encoded, Output, Vocabulary

IGNORE_INDEX = -100
"""Label of the target positions that carry no loss."""


TOKEN_SETTINGS = (
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "mask_token_id",
    "unk_token_id",
    "answer_marker_ids",
    "controls",
)
"""The fields of :class:`Seq2SeqConfig` that name tokens of the vocabulary."""


@dataclass
class Seq2SeqConfig:
    """Configuration of :class:`UniLM`.

    Args:
        backbone: the shape of the encoder stack (BERT, MiniLM, RoBERTa, XLM-R).
        max_source_length: source tokens, ``[CLS]`` and ``[SEP]`` included.
        max_target_length: target tokens, the closing ``[SEP]`` included.
        bos_token_id, eos_token_id, mask_token_id, unk_token_id: ids of ``[CLS]``, ``[SEP]``,
            ``[MASK]`` and ``[UNK]`` (defaults: the BERT uncased vocabulary).
        answer_marker_ids: the two tokens that enclose the answer in the passage; none where the
            answer is only appended.
        controls: names of styles and kinds of questions, such as ``"why"``, and the tokens that,
            after ``[CLS]``, ask for them; without any, a question is as a quiz asks it.
        copy_size: width of the queries and keys of its :class:`CopyGate`; 0 for none.
        shortlist_size: tokens of the vocabulary that decoding chooses among, beside those of the
            source; 0 for all.
        logit_offset: what decoding with a shortlist may add to all logits, so that the largest ones
            are near zero, where bfloat16 tells the most of them apart; no probability changes.
        trained_on: what the checkpoint was trained on, such as ``"du:train"`` or what
            :func:`qgen.files.examples.data_name` calls a file; evaluation warns of an overlap.
    """

    backbone: Any = None
    max_source_length: int = 464
    max_target_length: int = 48
    pad_token_id: int = 0
    bos_token_id: int = 101
    eos_token_id: int = 102
    mask_token_id: int = 103
    unk_token_id: int = 100
    answer_marker_ids: list | None = None
    controls: dict | None = None
    copy_size: int = 0
    shortlist_size: int = 0
    logit_offset: float = 0.0
    trained_on: list | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Seq2SeqConfig:
        """From the content of a ``config.json``; what is not named above is passed over.

        Raises:
            ValueError: the backbone is not one that is here.
        """
        known = {each.name: settings[each.name] for each in fields(cls) if each.name in settings}
        return cls(**known | {"backbone": EncoderConfig.from_dict(settings["backbone"])})

    def to_json_string(self) -> str:
        """All of it as JSON, which :meth:`of` reads back."""
        return json.dumps(asdict(self), sort_keys=True)


class Prediction(NamedTuple):
    """What :class:`UniLM` returns: logits or, where labels were given, the loss."""

    logits: Tensor | None = None
    loss: Tensor | None = None


class UniLM(nn.Module):
    """A masked language model used as a sequence-to-sequence model.

    Args:
        config: its shape.

    Attributes:
        name_or_path: where it was loaded from, or empty.
    """

    config: Any
    name_or_path: Any = ""
    shortlist: Tensor
    """Token ids, where ``config.shortlist_size`` is not 0; see :meth:`set_shortlist`."""

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        self.config = config
        self._build(config.backbone)

    def _build(self, backbone: EncoderConfig) -> None:
        self.mlm = MaskedLanguageModel(backbone)
        if self.config.copy_size:
            self.copy_gate = CopyGate(backbone.hidden_size, self.config.copy_size)
        if self.config.shortlist_size:
            empty = torch.zeros(self.config.shortlist_size, dtype=torch.long)
            self.register_buffer("shortlist", empty)

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of its parameters."""
        return next(self.parameters()).dtype

    def add_copy_gate(self, size: int) -> None:
        """Give a model without one a copy gate that hardly ever copies, to be trained."""
        self.config.copy_size = size
        self.copy_gate = CopyGate(self.config.backbone.hidden_size, size)
        self.copy_gate.to(self.device, self.dtype)
        gate = self.copy_gate
        for linear in (gate.query, gate.key, gate.gate):
            nn.init.normal_(linear.weight, std=self.config.backbone.initializer_range)
            nn.init.zeros_(linear.bias)
        nn.init.constant_(self.copy_gate.gate.bias, -2.0)

    def set_shortlist(self, ids: Sequence[int]) -> None:
        """Let decoding choose among these tokens and the source's own; see :meth:`output`."""
        special = {i for i in (self.config.eos_token_id, self.config.unk_token_id) if i is not None}
        chosen = torch.tensor(sorted({*ids, *special}), device=self.device)
        self.config.shortlist_size = len(chosen)
        self.register_buffer("shortlist", chosen)

    # -- the pieces that training and decoding share ------------------------------------------

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings, to which the LM head is tied."""
        return self.mlm.base_model.embeddings.word_embeddings

    def get_output_embeddings(self) -> nn.Module:
        """The LM head's projection onto the vocabulary."""
        return self.mlm.output.decoder

    @property
    def max_positions(self) -> int:
        """Tokens that fit the position embeddings, source and target together."""
        return self.mlm.base_model.config.max_positions

    def encode(
        self, input_ids: Tensor, layout: Layout, cache=None, last: int | None = None
    ) -> Tensor:
        """Run the encoder stack.

        Args:
            input_ids: ``[batch, length]`` token ids.
            layout: their types and positions, and who sees whom.
            cache: where keys and values are kept; the layers attend to what it returns.
            last: of how many of the last positions the hidden states are wanted (all).

        Returns:
            Hidden states ``[batch, last, hidden]``.
        """
        return self.mlm.base_model(input_ids, *layout, cache=cache, last=last)

    def lm_head(self, hidden: Tensor) -> Tensor:
        """Logits ``[..., vocabulary]`` of hidden states ``[..., hidden]``."""
        return self.get_output_embeddings()(self.lm_head_transform(hidden))

    def lm_head_transform(self, hidden: Tensor) -> Tensor:
        """All of the LM head but the projection onto the vocabulary; ``[..., hidden]`` both."""
        return self.mlm.head.transform(hidden)

    def seq2seq_states(
        self, input_ids: Tensor, attention_mask: Tensor, target_ids: Tensor
    ) -> tuple[Encoded, Tensor]:
        """Hidden states under the sequence-to-sequence mask.

        Args:
            input_ids: source ``[batch, source_length]``, padded on the right.
            attention_mask: ``[batch, source_length]``, nonzero at real tokens.
            target_ids: ``[batch, target_length]``.

        Returns:
            The source with its own, and those of the target, ``[batch, target_length, hidden]``.
        """
        hidden = self.encode(
            torch.cat([input_ids, target_ids], dim=1),
            seq2seq_layout(attention_mask, target_ids.shape[1]),
        )
        encoded = Encoded(hidden[:, : input_ids.shape[1]], input_ids, attention_mask)
        return encoded, hidden[:, input_ids.shape[1] :]

    def pseudo_masked_states(
        self, input_ids: Tensor, attention_mask: Tensor, target_ids: Tensor, targets: int = 1
    ) -> tuple[Encoded, Tensor]:
        """Hidden states from which decoding predicts each target token, in one pass.

        Args:
            input_ids: source ``[batch, source_length]``, padded on the right.
            attention_mask: ``[batch, source_length]``, nonzero at real tokens.
            target_ids: the true target ``[batch, target_length]``, or several laid end to end.
            targets: how many there are.

        Returns:
            As :meth:`seq2seq_states`, the target's being those of one ``[MASK]`` per token; see
            :func:`qgen.model.layouts.pseudo_masked_layout`.
        """
        masks = torch.full_like(target_ids, self.config.mask_token_id)
        hidden = self.encode(
            torch.cat([input_ids, target_ids, masks], dim=1),
            pseudo_masked_layout(attention_mask, target_ids.shape[1] // targets, targets),
        )
        encoded = Encoded(hidden[:, : input_ids.shape[1]], input_ids, attention_mask)
        return encoded, hidden[:, -target_ids.shape[1] :]

    # -- from hidden states to words -----------------------------------------------------------

    def output(self, encoded: Encoded, shortlist: bool = False) -> Output:
        """What :meth:`log_probabilities` needs of a batch of sources.

        Args:
            encoded: the sources.
            shortlist: give logits only to the tokens of the model's shortlist, if it has one, and
                of each source (Jean et al. 2015, arXiv:1412.2007, section 3.4).
        """
        source, input_ids, mask = encoded
        short = shortlist and bool(self.config.shortlist_size)
        vocabulary = self._vocabulary(input_ids, mask, short)
        if not self.config.copy_size:
            return Output(vocabulary, None)
        same = (input_ids[:, None] == input_ids[:, :, None]).float()
        columns = vocabulary.columns[input_ids]
        keys = self.copy_gate.key(source).float()  # for a few rows faster than bfloat16
        return Output(vocabulary, CopySource(columns, mask, keys, same))

    def _vocabulary(self, input_ids: Tensor, mask: Tensor, shortlist: bool) -> Vocabulary:
        projection: Any = self.get_output_embeddings()
        every = torch.arange(self.config.backbone.vocab_size, device=input_ids.device)
        if not shortlist:
            return Vocabulary(every, every, projection)
        columns = torch.full_like(every, -1)
        columns[self.shortlist] = every[: len(self.shortlist)]
        rare = input_ids.unique()
        rare = rare[columns[rare] < 0]
        ids = torch.cat([self.shortlist, rare])
        columns[rare] = every[len(self.shortlist) : len(ids)]
        exact = projection if isinstance(projection, nn.Linear) else projection.linear
        weight, bias = exact.weight, exact.bias
        offset = 0.0 if projection is exact else self.config.logit_offset
        project: Any = (
            partial(nn.functional.linear, weight=weight[self.shortlist], bias=bias[self.shortlist])
            if projection is exact
            else projection.rows(self.shortlist, offset)
        )
        return Vocabulary(
            ids,
            columns,
            project,
            rare=(weight[rare].float(), bias[rare].float() + offset),
            own=((input_ids[:, :, None] == rare) & mask[:, :, None].bool()).any(1),
        )

    def log_probabilities(self, target: Tensor, output: Output) -> Tensor:
        """Log-probabilities ``[batch, target_length, tokens]`` of the target's tokens.

        Args:
            target: hidden states ``[batch, target_length, hidden]`` of the target.
            output: of :meth:`output`, whose ``vocabulary.ids`` are the tokens.
        """
        logits = output.vocabulary.logits(self.lm_head_transform(target))
        written = logits.float().log_softmax(-1)
        if output.copy is None:
            return written
        columns, mask, keys, same = output.copy
        positions, gate = self.copy_gate(target, keys, mask)
        written = written + nn.functional.logsigmoid(-gate)
        # Only the source's tokens can be copied: mix there, not over the whole vocabulary.  A token
        # that stands in the source several times gets the sum of its places, at each of them.
        copied = (positions.exp() @ same).log() + nn.functional.logsigmoid(gate)
        index = columns[:, None].expand(-1, target.shape[1], -1)
        return written.scatter_(2, index, torch.logaddexp(written.gather(2, index), copied))

    def loss(
        self,
        encoded: Encoded,
        target: Tensor,
        labels: Tensor,
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Mean negative log-likelihood, in nats per labelled token.

        Args:
            encoded: the sources.
            target: hidden states ``[batch, target_length, hidden]`` of the target.
            labels: ``[batch, target_length]`` true tokens, -100 where there is no loss.
            label_smoothing: probability mass spread over the vocabulary.
        """
        labelled = labels.ne(IGNORE_INDEX)
        likelihood, uniform = self.label_log_probabilities(encoded, target, labels)
        return -(
            (1 - label_smoothing) * likelihood[labelled].mean()
            + label_smoothing * uniform[labelled].mean()
        )

    def label_log_probabilities(
        self, encoded: Encoded, target: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Of the labels alone, which takes less memory than :meth:`log_probabilities`.

        Args:
            encoded, target, labels: as :meth:`loss`.

        Returns:
            ``[batch, target_length]`` each, 0 where there is no label: the log-probability of the
            label, and the vocabulary's mean log-probability, which label smoothing takes.
        """
        labelled = labels.ne(IGNORE_INDEX)
        true = labels[labelled]
        logits = self.lm_head(target[labelled])  # the vocabulary is wide: only where needed
        total = logits.float().logsumexp(-1)
        written = logits.gather(1, true[:, None]).squeeze(1).float() - total
        uniform = logits.float().mean(-1) - total
        if self.config.copy_size:
            keys = self.copy_gate.key(encoded.states)
            positions, gate = self.copy_gate(target, keys, encoded.mask)
            same = encoded.input_ids[:, None] == labels[:, :, None]
            copied = positions.masked_fill(~same, -1e4).logsumexp(-1)[labelled]
            gate = gate[labelled].squeeze(-1)
            written = torch.logaddexp(
                nn.functional.logsigmoid(-gate) + written, nn.functional.logsigmoid(gate) + copied
            )
        empty = torch.zeros(labels.shape, device=labels.device)
        return empty.masked_scatter(labelled, written), empty.masked_scatter(labelled, uniform)

    def score_targets(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """How probable true targets are, in one pass.

        Args:
            input_ids: source ``[batch, source_length]``, padded on the right.
            attention_mask: ``[batch, source_length]``, nonzero at real tokens.
            labels: ``[batch, target_length]`` true tokens, -100 after the last.

        Returns:
            Log-probabilities of the tokens ``[batch, target_length]``, 0 after the last.
        """
        states = self._states_of(input_ids, attention_mask, labels)
        return self.label_log_probabilities(*states, labels)[0]

    def target_distributions(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor
    ) -> Tensor:
        """What the model would write in place of each token of true targets, in one pass.

        Args:
            input_ids, attention_mask, labels: as :meth:`score_targets`.

        Returns:
            Log-probabilities ``[labels, vocabulary]``, as :meth:`label_distributions`.
        """
        states = self._states_of(input_ids, attention_mask, labels)
        return self.label_distributions(*states, labels)[0]

    def _states_of(self, input_ids, attention_mask, labels) -> tuple[Encoded, Tensor]:
        target_ids = labels.masked_fill(labels.eq(IGNORE_INDEX), self.config.pad_token_id)
        return self.pseudo_masked_states(input_ids, attention_mask, target_ids)

    def label_distributions(
        self, encoded: Encoded, target: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Whole distributions, copies included, at the labelled positions alone.

        Args:
            encoded, target, labels: as :meth:`loss`.

        Returns:
            ``[labels, vocabulary]``, the log-probabilities, and ``[labels]``, the mean
            log-probability of the vocabulary without copying, which label smoothing takes.
        """
        labelled = labels.ne(IGNORE_INDEX)
        written = self.lm_head(target[labelled]).float().log_softmax(-1)
        uniform = written.mean(-1)
        if not self.config.copy_size:
            return written, uniform
        keys = self.copy_gate.key(encoded.states)
        positions, gate = self.copy_gate(target, keys, encoded.mask)
        gate = gate[labelled]
        copied = (positions[labelled] + nn.functional.logsigmoid(gate)).exp()
        rows = labelled.nonzero()[:, 0]
        mixed = (written + nn.functional.logsigmoid(-gate)).exp()
        mixed = mixed.scatter_add(1, encoded.input_ids[rows], copied)
        return (mixed + 1e-9).log(), uniform

    def forward(
        self,
        input_ids: Tensor,
        decoder_input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> Any:
        """Predict the token *at* each target position (not the next one).

        Args:
            input_ids: source ``[batch, source_length]``, ``[CLS] ... [SEP]``, padded on the right.
            decoder_input_ids: target ``[batch, target_length]``, where ``[MASK]`` stands for the
                tokens to predict.
            attention_mask: ``[batch, source_length]``; by default everything but padding.
            labels: ``[batch, target_length]`` true tokens, -100 where there is no loss.
            label_smoothing: probability mass spread over the vocabulary.

        Returns:
            ``logits`` ``[batch, target_length, vocabulary]``, which are log-probabilities, or,
            when labels are given, ``loss`` alone (mean nats per labelled token).
        """
        if attention_mask is None:
            attention_mask = input_ids.ne(self.config.pad_token_id)
        encoded, target = self.seq2seq_states(input_ids, attention_mask, decoder_input_ids)
        if labels is None:
            return Prediction(logits=self.log_probabilities(target, self.output(encoded)))
        return Prediction(loss=self.loss(encoded, target, labels, label_smoothing))
