"""This package's models for ``transformers``: importing this registers them with its auto classes.

>>> import qgen.transformers
>>> from transformers import AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM
>>> AutoModelForSeq2SeqLM.from_pretrained("qgen/checkpoint")
>>> AutoModelForQuestionAnswering.from_pretrained("qgen/reader_checkpoint")

Training needs it.  Asking does not: ``transformers`` takes longer to import than a question takes
to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.configuration_utils import SubConfigSpec
from transformers.modeling_outputs import Seq2SeqLMOutput

import qgen.model.foreign  # noqa: F401  # has transformers unpack
from qgen.errors import QGenError, first_line
from qgen.model.checkpoints import LOADING_ERRORS, UNILM, check_place
from qgen.model.encoder import EncoderConfig, plain_name
from qgen.model.unilm import Seq2SeqConfig, UniLM


class UniLMConfig(PreTrainedConfig, Seq2SeqConfig):
    """Configuration of :class:`UniLMForConditionalGeneration`: the attributes of
    :class:`qgen.model.unilm.Seq2SeqConfig`, with a ``transformers`` configuration as backbone."""

    model_type = UNILM
    sub_configs_defaults: ClassVar = {
        "backbone": SubConfigSpec(config_class=AutoConfig, model_type="bert")
    }

    is_encoder_decoder: bool = True
    tie_word_embeddings: bool = True

    @classmethod
    def from_backbone(cls, backbone: PreTrainedConfig, tokenizer=None, **kwargs) -> UniLMConfig:
        """Wrap an encoder's configuration; special token ids are read off ``tokenizer``, and what
        the encoder was trained on counts."""
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
        settings.pop("quantization_config", None)  # of its file
        trained_on = settings.pop("trained_on", None)
        return cls(**{"backbone": settings, "trained_on": trained_on} | kwargs)


class UniLMForConditionalGeneration(UniLM, PreTrainedModel):
    """:class:`qgen.model.unilm.UniLM` as a model of ``transformers``.

    ``from_pretrained`` reads both its own checkpoints and plain BERT/MiniLM/RoBERTa ones (from a
    directory or a hub name); ``save_pretrained`` writes safetensors and a configuration that
    ``from_pretrained``, ``AutoModel`` and ``AutoModelForSeq2SeqLM`` read back.
    """

    config_class = UniLMConfig
    base_model_prefix = "mlm"
    main_input_name = "input_ids"
    _supports_sdpa = True

    def __init__(self, config: UniLMConfig):
        PreTrainedModel.__init__(self, config)
        self._build(EncoderConfig.from_dict(config.backbone.to_dict()))
        self._tied_weights_keys = {f"mlm.{a}": f"mlm.{b}" for a, b in self.mlm.tied.items()}
        self.mlm.base_model.set_attention(config._attn_implementation)
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
        named = {plain_name(name): tensor for name, tensor in mlm.state_dict().items()}
        model.mlm.load_state_dict(named)
        return model.eval()

    def set_attn_implementation(self, attn_implementation, *args, **kwargs) -> None:
        """Compute attention otherwise: ``"sdpa"`` or ``"eager"``."""
        self.config._attn_implementation = attn_implementation
        self.mlm.base_model.set_attention(attn_implementation)

    def forward(self, *args, **kwargs) -> Seq2SeqLMOutput:
        """As :meth:`qgen.model.unilm.UniLM.forward`."""
        return Seq2SeqLMOutput(**super().forward(*args, **kwargs)._asdict())


def load_checkpoint(
    checkpoint: str | Path, **kwargs: Any
) -> tuple[UniLMForConditionalGeneration, PreTrainedTokenizerBase]:
    """A model to fine-tune and its tokenizer, from a directory or a hub name.

    Args:
        checkpoint: a question generator, or any BERT/MiniLM/RoBERTa encoder.
        kwargs: passed to ``from_pretrained`` (``dtype`` is float32 unless given).

    Raises:
        QGenError: there is no such checkpoint, or it is corrupt.
    """
    load = UniLMForConditionalGeneration.from_pretrained
    return _loaded("checkpoint", checkpoint, load, kwargs)


def load_reader(
    checkpoint: str | Path, **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A question-answering model to fine-tune and its tokenizer, from a directory or a hub name.

    Args:
        checkpoint: a reader, or an encoder to train one from: a plain one, or the question
            generator's.
        kwargs: passed to ``from_pretrained`` (``dtype`` is float32 unless given).

    Raises:
        QGenError: there is no such checkpoint, or it is corrupt.
    """
    return _loaded("the reader", checkpoint, _question_answering, kwargs)


def _question_answering(checkpoint: str | Path, **kwargs: Any) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(checkpoint)
    if not isinstance(config, UniLMConfig):
        return AutoModelForQuestionAnswering.from_pretrained(checkpoint, **kwargs).eval()
    generator = UniLMForConditionalGeneration.from_pretrained(checkpoint, **kwargs)
    model = AutoModelForQuestionAnswering.from_config(config.backbone, dtype=kwargs["dtype"])
    model.base_model.load_state_dict(generator.mlm.base_model.state_dict())
    return model.eval()


def _loaded(
    what: str, checkpoint: str | Path, load: Callable[..., Any], kwargs: dict[str, Any]
) -> tuple[Any, PreTrainedTokenizerBase]:
    kwargs.setdefault("dtype", torch.float32)
    try:
        check_place(checkpoint)
        model = load(checkpoint, **kwargs)
        model.name_or_path = str(Path(checkpoint))  # also where it was made of a plain encoder
        return model, AutoTokenizer.from_pretrained(checkpoint)
    except LOADING_ERRORS as error:
        raise QGenError(f"cannot load {what} {checkpoint}: {first_line(error)}") from error


AutoConfig.register(UniLMConfig.model_type, UniLMConfig)
AutoModel.register(UniLMConfig, UniLMForConditionalGeneration)
AutoModelForSeq2SeqLM.register(UniLMConfig, UniLMForConditionalGeneration)
