"""Readers that only ``transformers`` can load, and the weights that are packed, which it learns to
read here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.core_model_loading import ConversionOps
from transformers.quantizers import HfQuantizer, register_quantization_config, register_quantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from qgen.model.runtime.packed import METHOD, SCALE, unpack


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
    """Unpacks one weight as it is loaded."""

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
