"""Checkpoints of 4 and 8 bits a weight, for what would be too large in half precision.

Only the file is small: transformers unpacks the weights as it reads them, and the model is then a
stock one in whatever arithmetic it is given.  Weights are rounded to nearest with a scale for each
few, as in llama.cpp's "Q4_0" and "Q8_0"; a model that is to be packed should have learnt with
weights so rounded (Jacob et al. 2018, arXiv:1712.05877).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.core_model_loading import ConversionOps
from transformers.quantizers import HfQuantizer, register_quantization_config, register_quantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

METHOD = "qgen"
"""The ``quant_method`` of such a checkpoint's configuration."""

GROUP = 64
"""Weights of 4 bits that share a scale, along a row."""

_SCALE = "_scale"
_FOUR_BITS = re.compile(
    r"embeddings\.word_embeddings|intermediate\.dense|(?<!attention\.)output\.dense"
)
"""The large matrices that bear it: word embeddings and feed-forward layers."""


def pack(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Round a matrix.

    Args:
        weight: ``[rows, columns]``.
        bits: 4 or 8.

    Returns:
        With 8 bits ``[rows, columns]`` whole numbers (int8) and ``[rows, 1]`` scales; with 4
        ``[rows, columns / 2]``, two numbers to a byte (uint8), the first in its lower half, and
        ``[rows, columns / GROUP]`` scales.  Scales are in half precision.
    """
    rows, columns = weight.shape
    most, group = (7, GROUP) if bits == 4 else (127, columns)
    grouped = weight.detach().float().cpu().reshape(rows, -1, group)
    scales = (grouped.abs().amax(-1) / most).half().clamp_min(torch.finfo(torch.half).tiny)
    whole = (grouped / scales.float()[..., None]).round().clamp(-most, most)
    whole = whole.to(torch.int8).reshape(rows, columns)
    if bits == 4:
        halves = (whole + 8).to(torch.uint8)
        whole = halves[:, ::2] | (halves[:, 1::2] << 4)
    return whole.contiguous(), scales.contiguous()


def unpack(packed: Tensor, scales: Tensor) -> Tensor:
    """What :func:`pack` rounded the matrix to, ``[rows, columns]``, float32."""
    if packed.dtype == torch.uint8:
        weight = torch.stack([packed & 15, packed >> 4], -1).flatten(1).float().sub_(8)
    else:
        weight = packed.float()
    rows, groups = scales.shape
    weight.view(rows, groups, -1).mul_(scales.float()[..., None])
    return weight


def save_packed(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, directory: str | Path
) -> None:
    """Save a checkpoint with word embeddings and feed-forward layers in 4 bits, other large
    matrices in 8, and the rest in half precision.

    Args:
        model: whose matrices have a multiple of :data:`GROUP` columns.
        tokenizer: its tokenizer.
        directory: made where it does not exist.
    """
    tensors = {}
    for name, tensor in model.state_dict().items():
        if tensor.ndim == 2 and min(tensor.shape) >= GROUP:
            bits = 4 if _FOUR_BITS.search(name) else 8
            tensors[name], tensors[name + _SCALE] = pack(tensor, bits)
        else:
            tensors[name] = tensor.detach().half().cpu().contiguous()
    config = type(model.config).from_dict(
        model.config.to_dict() | {"quantization_config": {"quant_method": METHOD}}
    )
    config.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    save_file(tensors, Path(directory) / "model.safetensors", metadata={"format": "pt"})


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
        if "weight" + _SCALE in input_dict:
            [scales] = input_dict["weight" + _SCALE]
            weight = unpack(weight, scales)
        return {full_layer_name: [weight.to(model.get_parameter(full_layer_name).dtype)]}


@register_quantizer(METHOD)
class Unpacker(HfQuantizer):
    """Has transformers unpack what it loads."""

    is_trainable = True

    def __init__(self, quantization_config: PackedConfig, **kwargs: Any):
        super().__init__(quantization_config, **kwargs)
        self.serialized_names = {"weight": ["weight", "weight" + _SCALE]}

    def is_serializable(self) -> bool:
        return True

    def get_load_operations(self) -> dict:
        return {"dequantize": Unpack}
