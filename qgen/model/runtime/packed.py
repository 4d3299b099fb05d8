"""Checkpoints of 4 and 8 bits a weight, for what would be too large in half precision.

Only the file is small: the weights are unpacked as they are read, by ``transformers`` too (see
:mod:`qgen.model.foreign`), and computed with in whatever arithmetic is wanted.  They are rounded to
nearest with a scale for each few, much as in llama.cpp's "Q4_0" and "Q8_0", but symmetrically; a
model that is to be packed should have learnt with weights so rounded (Jacob et al. 2018,
arXiv:1712.05877).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

METHOD = "qgen"
"""The ``quant_method`` of such a checkpoint's configuration."""

GROUP = 64
"""Weights of 4 bits that share a scale, along a row: what the files have.  No measurement of other
sizes is recorded."""

SCALE = "_scale"
"""What follows a packed weight's name in that of its scales."""

BITS = {"8": 8, "4": 4, "mixed": None}
"""How large matrices can be stored, by name; see :func:`bits_of`."""

_FOUR_BITS = re.compile(
    r"embeddings\.word_embeddings|intermediate\.dense|(?<!attention\.)output\.dense"
)
"""The large matrices that four bits are enough for: word embeddings and feed-forward layers."""


def bits_of(name: str, weight: Tensor, bits: int | None = None) -> int:
    """With how many bits a parameter is stored.

    Args:
        name: as in the state dict.
        weight: the parameter.
        bits: 4 or 8, for all large matrices; by default 4 for word embeddings and feed-forward
            layers and 8 for the others.

    Returns:
        4, 8 (also where four are wanted and its rows are no whole groups), or 0 for one that stays
        as it is.
    """
    if weight.ndim != 2 or min(weight.shape) < GROUP:
        return 0
    wanted = bits or (4 if _FOUR_BITS.search(name) else 8)
    return wanted if weight.shape[1] % GROUP == 0 else 8


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


def unpack_all(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a checkpoint by name, the packed ones unpacked."""
    return {
        name: unpack(tensor, tensors[name + SCALE]) if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not (name.endswith(SCALE) and name.removesuffix(SCALE) in tensors)
    }


def save_packed(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    directory: str | Path,
    bits: int | None = None,
) -> None:
    """Save a checkpoint with its large matrices in 4 or 8 bits a weight, and the rest in half
    precision.

    Args:
        model: what to save.
        tokenizer: its tokenizer.
        directory: made where it does not exist.
        bits: see :func:`bits_of`; with 8 they are rounded as int8 arithmetic rounds them.
    """
    tensors = {}
    tied = model._tied_weights_keys or {}  # stored once
    for name, tensor in model.state_dict().items():
        if name in tied:
            continue
        if number := bits_of(name, tensor, bits):
            tensors[name], tensors[name + SCALE] = pack(tensor, number)
        else:
            kept = tensor.half() if tensor.is_floating_point() else tensor
            tensors[name] = kept.detach().cpu().contiguous()
    config = type(model.config).from_dict(
        model.config.to_dict() | {"quantization_config": {"quant_method": METHOD}}
    )
    config.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    save_file(tensors, Path(directory) / "model.safetensors", metadata={"format": "pt"})
