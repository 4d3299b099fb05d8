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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from qgen.model.encoder import ACTIVATIONS, Encoder, EncoderConfig
from qgen.model.layouts import Layout, pseudo_masked_layout, seq2seq_layout

IGNORE_INDEX = -100
"""Label of the target positions that carry no loss."""


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
        trained_on: what the checkpoint was trained on, such as ``"du:train"``; evaluation warns
            of an overlap.
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
        """The whole of it; of :meth:`of` read back."""
        return json.dumps(asdict(self), sort_keys=True)


class Transform(nn.Module):
    """What BERT's masked-LM head does before the projection onto the vocabulary."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.act = config.hidden_act

    def forward(self, hidden: Tensor) -> Tensor:
        """``[..., hidden]`` both."""
        return self.LayerNorm(ACTIVATIONS[self.act](self.dense(hidden)))


class Predictions(nn.Module):
    """The masked-LM head of BERT; its bias has two names in checkpoints."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.transform = Transform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = self.decoder.bias


class BertHead(nn.Module):
    """:class:`Predictions`, under the name that BERT has for it."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.predictions = Predictions(config)

    def transform(self, hidden: Tensor) -> Tensor:
        """All but the projection onto the vocabulary; ``[..., hidden]`` both."""
        return self.predictions.transform(hidden)


class RobertaHead(nn.Module):
    """The masked-LM head of RoBERTa."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = self.decoder.bias

    def transform(self, hidden: Tensor) -> Tensor:
        """All but the projection onto the vocabulary; ``[..., hidden]`` both."""
        return self.layer_norm(nn.functional.gelu(self.dense(hidden)))


class MaskedLanguageModel(nn.Module):
    """An encoder and the head that names its tokens, tied to the word embeddings.

    Args:
        config: of the encoder.

    Attributes:
        tied: the parameters that are others, by name.

    Raises:
        ValueError: this kind of encoder has no such head here.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self._prefix = config.family.prefix
        if self._prefix not in ("bert", "roberta"):
            raise ValueError(f"{config.model_type!r} cannot be the backbone of a generator")
        self._head = "cls" if self._prefix == "bert" else "lm_head"
        self.add_module(self._prefix, Encoder(config))
        head = BertHead(config) if self._prefix == "bert" else RobertaHead(config)
        self.add_module(self._head, head)
        within = f"{self._head}.predictions" if self._prefix == "bert" else self._head
        self.tied = {
            f"{within}.decoder.weight": f"{self._prefix}.embeddings.word_embeddings.weight",
            f"{within}.decoder.bias": f"{within}.bias",
        }
        self.tie_weights()

    def tie_weights(self) -> None:
        """Make one of the parameters that are the same, after new ones were assigned."""
        output = self.output
        output.decoder.weight = self.base_model.embeddings.word_embeddings.weight
        output.decoder.bias = output.bias

    @property
    def base_model(self) -> Encoder:
        """The encoder: ``bert`` or ``roberta``."""
        return getattr(self, self._prefix)

    @property
    def head(self) -> BertHead | RobertaHead:
        """``cls`` in BERT, ``lm_head`` in RoBERTa."""
        return getattr(self, self._head)

    @property
    def output(self) -> Predictions | RobertaHead:
        """What holds the projection onto the vocabulary, ``decoder``."""
        head = self.head
        return head.predictions if isinstance(head, BertHead) else head


class CopyGate(nn.Module):
    """Mixes the vocabulary's distribution with one over the tokens of the source.

    The pointer-generator of See, Liu and Manning 2017 (arXiv:1704.04368), with one attention head
    over the final hidden states of the source.

    Args:
        hidden_size: of the encoder.
        size: of queries and keys.
    """

    def __init__(self, hidden_size: int, size: int):
        super().__init__()
        self.query = nn.Linear(hidden_size, size)
        self.key = nn.Linear(hidden_size, size)
        self.gate = nn.Linear(hidden_size, 1)

    def forward(self, hidden: Tensor, keys: Tensor, source_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Where to copy from, and whether to.

        Args:
            hidden: ``[batch, targets, hidden]``, of the ``[MASK]`` of each target token.
            keys: ``[batch, source_length, size]``, ``self.key`` of the source's hidden states.
            source_mask: ``[batch, source_length]``, nonzero at real tokens.

        Returns:
            Log-probabilities ``[batch, targets, source_length]`` of the source positions, and
            the logits ``[batch, targets, 1]`` of copying.
        """
        queries = self.query(hidden).to(keys.dtype)
        scores = (queries @ keys.transpose(1, 2)).float() / keys.shape[-1] ** 0.5
        scores = scores.masked_fill(~source_mask.bool()[:, None], float("-inf"))
        return scores.log_softmax(-1), self.gate(hidden).float()


class CopySource(NamedTuple):
    """What there is to copy: the same at every step of decoding.

    Attributes:
        columns: ``[batch, source_length]``, where each source token stands in a distribution.
        mask: ``[batch, source_length]``, nonzero at real tokens.
        keys: ``[batch, source_length, size]``, float32; see :class:`CopyGate`.
        same: ``[batch, source_length, source_length]``, 1 where two places hold the same token.
    """

    columns: Tensor
    mask: Tensor
    keys: Tensor
    same: Tensor


class Vocabulary(NamedTuple):
    """The tokens that can be generated from a batch of sources, and what gives them logits.

    Attributes:
        ids: ``[size]``, the tokens.
        columns: ``[vocabulary]``, where each token stands in ``ids``; -1 where it does not.
        project: from the LM head's last hidden states ``[batch, n, hidden]`` to the logits of the
            first of ``ids``.
        rare: weights and biases, float32, of the rest of them: tokens of the sources that are not
            in the model's shortlist; ``None`` where there is no shortlist.
        own: ``[batch, rare]``, which of those stand in a row's own source.
    """

    ids: Tensor
    columns: Tensor
    project: Callable[[Tensor], Tensor]
    rare: tuple[Tensor, Tensor] | None = None
    own: Tensor | None = None

    def logits(self, hidden: Tensor) -> Tensor:
        """``[batch, n, hidden]`` to ``[batch, n, size]``."""
        if self.rare is None or self.own is None:
            return self.project(hidden)
        rare = nn.functional.linear(hidden.float(), *self.rare)
        common = self.project(hidden)
        logits = rare.new_empty(*hidden.shape[:-1], len(self.ids))
        logits[..., : common.shape[-1]] = common
        logits[..., common.shape[-1] :] = rare.masked_fill_(~self.own[:, None], float("-inf"))
        return logits


class Output(NamedTuple):
    """What turns hidden states into distributions over tokens; made once for a batch of sources."""

    vocabulary: Vocabulary
    copy: CopySource | None

    def select(self, rows: Tensor) -> Output:
        """Only the given batch rows."""
        vocabulary, copy = self
        if vocabulary.own is not None:
            vocabulary = vocabulary._replace(own=vocabulary.own[rows])
        return Output(vocabulary, copy and CopySource(*(tensor[rows] for tensor in copy)))


class Prediction(NamedTuple):
    """Of :class:`UniLM`: either of both."""

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
        """All of the LM head but the projection onto the vocabulary."""
        return self.mlm.head.transform(hidden)

    def seq2seq_states(
        self, input_ids: Tensor, attention_mask: Tensor, target_ids: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Hidden states under the sequence-to-sequence mask.

        Args:
            input_ids: source ``[batch, source_length]``, padded on the right.
            attention_mask: ``[batch, source_length]``, nonzero at real tokens.
            target_ids: ``[batch, target_length]``.

        Returns:
            Those of the source, ``[batch, source_length, hidden]``, and of the target,
            ``[batch, target_length, hidden]``.
        """
        hidden = self.encode(
            torch.cat([input_ids, target_ids], dim=1),
            seq2seq_layout(attention_mask, target_ids.shape[1]),
        )
        return hidden[:, : input_ids.shape[1]], hidden[:, input_ids.shape[1] :]

    def pseudo_masked_states(
        self, input_ids: Tensor, attention_mask: Tensor, target_ids: Tensor, targets: int = 1
    ) -> tuple[Tensor, Tensor]:
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
        return hidden[:, : input_ids.shape[1]], hidden[:, -target_ids.shape[1] :]

    # -- from hidden states to words -----------------------------------------------------------

    def output(
        self,
        source: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        shortlist: bool = False,
    ) -> Output:
        """What :meth:`log_probabilities` needs of a batch of sources.

        Args:
            source: hidden states ``[batch, source_length, hidden]``.
            input_ids: source tokens ``[batch, source_length]``.
            attention_mask: ``[batch, source_length]``, nonzero at real tokens.
            shortlist: give logits only to the tokens of the model's shortlist, if it has one, and
                of each source (Jean et al. 2015, arXiv:1412.2007, section 3.4).
        """
        vocabulary = self._vocabulary(input_ids, shortlist and bool(self.config.shortlist_size))
        if not self.config.copy_size:
            return Output(vocabulary, None)
        same = (input_ids[:, None] == input_ids[:, :, None]).float()
        columns = vocabulary.columns[input_ids]
        keys = self.copy_gate.key(source).float()  # for a few rows faster than bfloat16
        return Output(vocabulary, CopySource(columns, attention_mask, keys, same))

    def _vocabulary(self, input_ids: Tensor, shortlist: bool) -> Vocabulary:
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
            own=(input_ids[:, :, None] == rare).any(1),
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
        target: Tensor,
        source: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Mean negative log-likelihood, in nats per labelled token.

        Args:
            target: hidden states ``[batch, target_length, hidden]`` of the target.
            source, input_ids, attention_mask: as :meth:`output`.
            labels: ``[batch, target_length]`` true tokens, -100 where there is no loss.
            label_smoothing: probability mass spread over the vocabulary.
        """
        labelled = labels.ne(IGNORE_INDEX)
        known = (source, input_ids, attention_mask)
        likelihood, uniform = self.label_log_probabilities(target, *known, labels)
        return -(
            (1 - label_smoothing) * likelihood[labelled].mean()
            + label_smoothing * uniform[labelled].mean()
        )

    def label_log_probabilities(
        self,
        target: Tensor,
        source: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Of the labels alone, which takes less memory than :meth:`log_probabilities`.

        Args:
            target, source, input_ids, attention_mask, labels: as :meth:`loss`.

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
            positions, gate = self.copy_gate(target, self.copy_gate.key(source), attention_mask)
            same = input_ids[:, None] == labels[:, :, None]
            copied = positions.masked_fill(~same, -1e4).logsumexp(-1)[labelled]
            gate = gate[labelled].squeeze(-1)
            written = torch.logaddexp(
                nn.functional.logsigmoid(-gate) + written, nn.functional.logsigmoid(gate) + copied
            )
        empty = torch.zeros(labels.shape, device=labels.device)
        return empty.masked_scatter(labelled, written), empty.masked_scatter(labelled, uniform)

    def label_distributions(
        self,
        target: Tensor,
        source: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Whole distributions, copies included, at the labelled positions alone.

        Args:
            target, source, input_ids, attention_mask, labels: as :meth:`loss`.

        Returns:
            ``[labels, vocabulary]``, the log-probabilities, and ``[labels]``, the mean
            log-probability of the vocabulary without copying, which label smoothing takes.
        """
        labelled = labels.ne(IGNORE_INDEX)
        written = self.lm_head(target[labelled]).float().log_softmax(-1)
        uniform = written.mean(-1)
        if not self.config.copy_size:
            return written, uniform
        positions, gate = self.copy_gate(target, self.copy_gate.key(source), attention_mask)
        gate = gate[labelled]
        copied = (positions[labelled] + nn.functional.logsigmoid(gate)).exp()
        rows = labelled.nonzero()[:, 0]
        mixed = (written + nn.functional.logsigmoid(-gate)).exp()
        mixed = mixed.scatter_add(1, input_ids[rows], copied)
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
        source, target = self.seq2seq_states(input_ids, attention_mask, decoder_input_ids)
        known = (source, input_ids, attention_mask)
        if labels is None:
            return Prediction(logits=self.log_probabilities(target, self.output(*known)))
        return Prediction(loss=self.loss(target, *known, labels, label_smoothing))
