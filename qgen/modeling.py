"""MiniLM as a UniLM sequence-to-sequence model.

One encoder stack reads source and target packed together as
``[CLS] source [SEP] target [SEP]`` under the sequence-to-sequence attention
mask of UniLM (Dong et al. 2019, arXiv:1905.03197): source positions see the
whole source, target positions see the source, earlier target positions and
themselves.  The stack is any BERT- or RoBERTa-shaped masked language model of
``transformers`` (MiniLM, Wang et al. 2020, arXiv:2002.10957; MiniLMv2), and its
masked-LM head, tied to the word embeddings, predicts the target tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.configuration_utils import SubConfigSpec
from transformers.modeling_outputs import Seq2SeqLMOutput

from qgen.decoding import Generation, generate
from qgen.masks import pseudo_masked_layout, seq2seq_attention_mask, target_layout
from qgen.settings import GenerationSettings

IGNORE_INDEX = -100
"""Label of the target positions that carry no loss."""


class UniLMConfig(PreTrainedConfig):
    """Configuration of :class:`UniLMForConditionalGeneration`.

    Args:
        backbone: configuration of the encoder stack, any whose ``AutoModelForMaskedLM``
            takes a 4-D attention mask (BERT, MiniLM, RoBERTa, XLM-R); a BERT one by default.
        max_source_length: source tokens, ``[CLS]`` and ``[SEP]`` included.
        max_target_length: target tokens, the closing ``[SEP]`` included.
        bos_token_id, eos_token_id, mask_token_id, unk_token_id: ids of ``[CLS]``, ``[SEP]``,
            ``[MASK]`` and ``[UNK]`` (defaults: the BERT uncased vocabulary).
        trained_on: what the checkpoint was trained on, such as ``"du:train"``; evaluation warns
            of an overlap.
    """

    model_type = "unilm-seq2seq"
    sub_configs_defaults = {"backbone": SubConfigSpec(config_class=AutoConfig, model_type="bert")}

    backbone: PreTrainedConfig | dict | None = None
    max_source_length: int = 464
    max_target_length: int = 48
    pad_token_id: int = 0
    bos_token_id: int = 101
    eos_token_id: int = 102
    mask_token_id: int = 103
    unk_token_id: int = 100
    is_encoder_decoder: bool = True
    trained_on: list | None = None

    @classmethod
    def from_backbone(cls, backbone: PreTrainedConfig, tokenizer=None, **kwargs) -> UniLMConfig:
        """Wrap an encoder's configuration; special token ids are read off ``tokenizer``."""
        if tokenizer is not None:
            kwargs = {
                "pad_token_id": tokenizer.pad_token_id,
                "bos_token_id": tokenizer.cls_token_id,
                "eos_token_id": tokenizer.sep_token_id,
                "mask_token_id": tokenizer.mask_token_id,
                "unk_token_id": tokenizer.unk_token_id,
            } | kwargs
        settings = backbone.to_dict()
        settings.pop("_name_or_path", None)  # where the encoder lay on this machine
        return cls(backbone=settings, **kwargs)


class UniLMForConditionalGeneration(PreTrainedModel):
    """A masked language model used as a sequence-to-sequence model.

    ``from_pretrained`` reads both its own checkpoints and plain BERT/MiniLM/RoBERTa ones (from a
    directory or a hub name); ``save_pretrained`` writes safetensors and a configuration that
    ``from_pretrained``, ``AutoModel`` and ``AutoModelForSeq2SeqLM`` read back.
    """

    config_class = UniLMConfig
    base_model_prefix = "mlm"
    main_input_name = "input_ids"
    _supports_sdpa = True

    def __init__(self, config: UniLMConfig):
        super().__init__(config)
        config.backbone._attn_implementation = config._attn_implementation
        self.mlm = AutoModelForMaskedLM.from_config(config.backbone)
        self.post_init()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, config=None, **kwargs):
        """Load a checkpoint of this class, or start from a plain masked-LM encoder.

        Args:
            pretrained_model_name_or_path: a directory or hub name.  Where its configuration is
                not a :class:`UniLMConfig`, the encoder (and the LM head, if it has one) becomes
                the backbone of a new model; special token ids come from its tokenizer.
        """
        if config is None:
            config = AutoConfig.from_pretrained(pretrained_model_name_or_path)
        if isinstance(config, UniLMConfig):
            return super().from_pretrained(
                pretrained_model_name_or_path, *args, config=config, **kwargs
            )
        tokenizer = AutoTokenizer.from_pretrained(pretrained_model_name_or_path)
        mlm = AutoModelForMaskedLM.from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        model = cls(UniLMConfig.from_backbone(mlm.config, tokenizer)).to(mlm.dtype)
        model.mlm.load_state_dict(mlm.state_dict())
        return model.eval()

    # -- the pieces that training and decoding share ------------------------------------------

    def get_input_embeddings(self) -> nn.Module:
        """The word embeddings, to which the LM head is tied."""
        return self.mlm.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module:
        """The LM head's projection onto the vocabulary."""
        return self.mlm.get_output_embeddings()

    @property
    def position_offset(self) -> int:
        """Position id of the first token: 0 for BERT, ``padding_idx + 1`` for RoBERTa."""
        padding = self.mlm.base_model.embeddings.position_embeddings.padding_idx
        return 0 if padding is None else padding + 1

    @property
    def max_positions(self) -> int:
        """Tokens that fit the position embeddings, source and target together."""
        return self.config.backbone.max_position_embeddings - self.position_offset

    def encode(
        self, input_ids: Tensor, segment: Tensor, position: Tensor, mask: Tensor, cache=None
    ):
        """Run the encoder stack.

        Args:
            input_ids: ``[batch, length]`` token ids.
            segment: ``[batch, length]``, 0 in the source and 1 in the target.
            position: ``[batch, length]`` positions counted from 0.
            mask: boolean ``[batch, length, keys]``, where each query may attend.
            cache: where keys and values are kept; the layers attend to what it returns.

        Returns:
            Hidden states ``[batch, length, hidden]``.
        """
        mask = mask[:, None]
        if self.config._attn_implementation == "eager":  # eager attention adds its mask
            mask = torch.zeros(mask.shape, dtype=self.dtype, device=mask.device).masked_fill(
                ~mask, torch.finfo(self.dtype).min
            )
        segments = self.config.backbone.type_vocab_size
        return self.mlm.base_model(
            input_ids=input_ids,
            token_type_ids=segment.clamp(max=segments - 1),
            position_ids=position + self.position_offset,
            attention_mask=mask,
            cache=cache,
        ).last_hidden_state

    def lm_head(self, hidden: Tensor) -> Tensor:
        """Logits ``[..., vocabulary]`` of hidden states ``[..., hidden]``."""
        return self.lm_head_module(hidden)

    @property
    def lm_head_module(self) -> nn.Module:
        """The masked-LM head: ``cls`` in BERT, ``lm_head`` in RoBERTa."""
        return self.mlm.cls if hasattr(self.mlm, "cls") else self.mlm.lm_head

    def decode_hidden(self, input_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Hidden states of the target under the sequence-to-sequence mask.

        Args:
            input_ids: source ``[batch, source_length]``, padded on the right.
            source_mask: ``[batch, source_length]``, nonzero at real tokens.
            target_ids: ``[batch, target_length]``.

        Returns:
            ``[batch, target_length, hidden]``.
        """
        target_length = target_ids.shape[1]
        segment, position = target_layout(source_mask, target_length)
        return self.encode(
            torch.cat([input_ids, target_ids], dim=1),
            segment,
            position,
            seq2seq_attention_mask(source_mask, target_length),
        )[:, input_ids.shape[1] :]

    def teacher_forced_hidden(
        self, input_ids: Tensor, source_mask: Tensor, target_ids: Tensor
    ) -> Tensor:
        """Hidden states of what decoding predicts each target token from, in one pass.

        Args:
            input_ids: source ``[batch, source_length]``, padded on the right.
            source_mask: ``[batch, source_length]``, nonzero at real tokens.
            target_ids: the true target ``[batch, target_length]``.

        Returns:
            ``[batch, target_length, hidden]``, of one ``[MASK]`` per target token; see
            :func:`qgen.masks.pseudo_masked_layout`.
        """
        masks = torch.full_like(target_ids, self.config.mask_token_id)
        hidden = self.encode(
            torch.cat([input_ids, target_ids, masks], dim=1),
            *pseudo_masked_layout(source_mask, target_ids.shape[1]),
        )
        return hidden[:, -target_ids.shape[1] :]

    # -- training ------------------------------------------------------------------------------

    def forward(
        self,
        input_ids: Tensor,
        decoder_input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        label_smoothing: float = 0.0,
        pseudo_masked: bool = False,
        **kwargs,
    ) -> Seq2SeqLMOutput:
        """Predict the token *at* each target position (not the next one).

        Args:
            input_ids: source ``[batch, source_length]``, ``[CLS] ... [SEP]``, padded on the right.
            decoder_input_ids: target ``[batch, target_length]``, where ``[MASK]`` stands for the
                tokens to predict.
            attention_mask: ``[batch, source_length]``; by default everything but padding.
            labels: ``[batch, target_length]`` true tokens, -100 where there is no loss.  With
                labels, logits are computed at the labelled positions only.
            label_smoothing: probability mass spread over the vocabulary.
            pseudo_masked: ``decoder_input_ids`` is the true target, and each token of it is
                predicted from those before it, as in decoding.

        Returns:
            ``loss`` (mean nats per labelled token) when labels are given, and ``logits``:
            ``[batch, target_length, vocabulary]``, or ``[labelled, vocabulary]`` with labels.
        """
        if attention_mask is None:
            attention_mask = input_ids.ne(self.config.pad_token_id)
        run = self.teacher_forced_hidden if pseudo_masked else self.decode_hidden
        hidden = run(input_ids, attention_mask, decoder_input_ids)
        if labels is None:
            return Seq2SeqLMOutput(logits=self.lm_head(hidden))
        labelled = labels.ne(IGNORE_INDEX)
        logits = self.lm_head(hidden[labelled])
        loss = nn.functional.cross_entropy(
            logits.float(), labels[labelled], label_smoothing=label_smoothing
        )
        return Seq2SeqLMOutput(loss=loss, logits=logits)

    # -- decoding ------------------------------------------------------------------------------

    def generate(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        settings: GenerationSettings | None = None,
        **overrides,
    ) -> Generation:
        """Decode questions; see :func:`qgen.decoding.generate`.

        Args:
            input_ids: source ``[batch, source_length]``, padded on the right.
            attention_mask: ``[batch, source_length]``; by default everything but padding.
            settings: how to decode; ``overrides`` replace single fields of it.
        """
        if attention_mask is None:
            attention_mask = input_ids.ne(self.config.pad_token_id)
        return generate(self, input_ids, attention_mask, settings, **overrides)


AutoConfig.register(UniLMConfig.model_type, UniLMConfig)
AutoModel.register(UniLMConfig, UniLMForConditionalGeneration)
AutoModelForSeq2SeqLM.register(UniLMConfig, UniLMForConditionalGeneration)
