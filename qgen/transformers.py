"""This package's models for ``transformers``: importing this registers them with its auto classes.

>>> import qgen.transformers
>>> from transformers import AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM
>>> AutoModelForSeq2SeqLM.from_pretrained("qgen/checkpoint")
>>> AutoModelForQuestionAnswering.from_pretrained("qgen/reader_checkpoint")

Training needs it, and so do the few checkpoints that only that library reads.  Asking does not:
``transformers`` takes longer to import than a question takes to ask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
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
from transformers.core_model_loading import ConversionOps
from transformers.modeling_outputs import Seq2SeqLMOutput
from transformers.quantizers import HfQuantizer, register_quantization_config, register_quantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from qgen.errors import QGenError, first_line
from qgen.model.checkpoints import LOADING_ERRORS, UNILM, check_place
from qgen.model.encoder import EncoderConfig
from qgen.model.runtime.packed import METHOD, SCALE, unpack
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
        model.mlm.load_state_dict(mlm.state_dict())
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
    kwargs.setdefault("dtype", torch.float32)
    try:
        check_place(checkpoint)
        model = UniLMForConditionalGeneration.from_pretrained(checkpoint, **kwargs)
        return model, AutoTokenizer.from_pretrained(checkpoint)
    except LOADING_ERRORS as error:
        raise QGenError(f"cannot load checkpoint {checkpoint}: {first_line(error)}") from error


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
    kwargs.setdefault("dtype", torch.float32)
    try:
        check_place(checkpoint)
        config = AutoConfig.from_pretrained(checkpoint)
        if isinstance(config, UniLMConfig):
            generator = UniLMForConditionalGeneration.from_pretrained(checkpoint, **kwargs)
            model = AutoModelForQuestionAnswering.from_config(
                config.backbone, dtype=kwargs["dtype"]
            )
            model.base_model.load_state_dict(generator.mlm.base_model.state_dict())
        else:
            model = AutoModelForQuestionAnswering.from_pretrained(checkpoint, **kwargs)
        return model.eval(), AutoTokenizer.from_pretrained(checkpoint)
    except LOADING_ERRORS as error:
        raise QGenError(f"cannot load the reader {checkpoint}: {first_line(error)}") from error


class OtherSpanModel(nn.Module):
    """A question-answering model of ``transformers``, called as
    :class:`qgen.model.reader.SpanModel` is.

    Args:
        model: it.
        has_types: whether it takes those of tokens.
    """

    def __init__(self, model: PreTrainedModel, has_types: bool):
        super().__init__()
        self.model = model
        self.has_types = has_types
        self.config = model.config
        self.name_or_path = model.name_or_path

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.model.device

    @property
    def dtype(self) -> torch.dtype:
        """Of its parameters."""
        return self.model.dtype

    @property
    def max_positions(self) -> int:
        """Tokens that fit the position embeddings."""
        return self.config.max_position_embeddings

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor, attention_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`qgen.model.reader.SpanModel.forward`."""
        types = {"token_type_ids": token_type_ids} if self.has_types else {}
        base: Any = self.model.base_model
        states = base(input_ids=input_ids, attention_mask=attention_mask, **types)[0]
        head: Any = self.model.qa_outputs
        return states, head(states)


def load_other_reader(checkpoint: str | Path) -> tuple[OtherSpanModel, PreTrainedTokenizerBase]:
    """A reader that only ``transformers`` can load, in float32, and its tokenizer.

    Raises:
        whatever ``from_pretrained`` does.
    """
    model = AutoModelForQuestionAnswering.from_pretrained(checkpoint, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    if not hasattr(model, "qa_outputs"):
        raise ValueError(f"{model.config.model_type} has no span heads that can be read here")
    has_types = "token_type_ids" in tokenizer.model_input_names
    return OtherSpanModel(model.eval(), has_types), tokenizer


@register_quantization_config(METHOD)
class PackedConfig(QuantizationConfigMixin):
    """Says in a configuration that the weights are packed.  Nothing of it is left in a model that
    was loaded, which is saved as any other."""

    def __init__(self, **kwargs):
        super().__init__(quant_method=METHOD)  # type: ignore[arg-type]  # any registered name
        self.dequantize = True


class Unpack(ConversionOps):
    """Of one weight as it is loaded."""

    def __init__(self, hf_quantizer: HfQuantizer):
        self.hf_quantizer = hf_quantizer

    def convert(
        self,
        input_dict: dict[str, Any],
        source_patterns: list[str],
        target_patterns: list[str],
        full_layer_name: str = "",
        model: Any = None,
        **kwargs: Any,
    ) -> dict[str, list[Tensor]]:
        """The weight, under its name, in the model's dtype."""
        [weight] = input_dict["weight"]
        if "weight" + SCALE in input_dict:
            [scales] = input_dict["weight" + SCALE]
            weight = unpack(weight, scales)
        return {full_layer_name: [weight.to(model.get_parameter(full_layer_name).dtype)]}


@register_quantizer(METHOD)
class Unpacker(HfQuantizer):
    """Has transformers unpack what it loads."""

    is_trainable = True

    def __init__(self, quantization_config: PackedConfig, **kwargs: Any):
        super().__init__(quantization_config, **kwargs)
        self.serialized_names = {"weight": ["weight", "weight" + SCALE]}

    def is_serializable(self) -> bool:
        return True

    def get_load_operations(self) -> dict:
        return {"dequantize": Unpack}


AutoConfig.register(UniLMConfig.model_type, UniLMConfig)
AutoModel.register(UniLMConfig, UniLMForConditionalGeneration)
AutoModelForSeq2SeqLM.register(UniLMConfig, UniLMForConditionalGeneration)
