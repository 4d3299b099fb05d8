"""Who sees whom, and where each token stands, in source and target laid end to end."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Layout(NamedTuple):
    """What the encoder stack reads beside the token ids.

    Attributes:
        token_type_ids: ``[batch, length]``, 0 in the source and 1 in the target.
        position_ids: ``[batch, length]``, counted from 0.
        attention_mask: boolean ``[batch, queries, keys]``, where each query may attend.
        key_positions: ``[batch, keys]``, where the keys are not the tokens that are read.
    """

    token_type_ids: Tensor
    position_ids: Tensor
    attention_mask: Tensor
    key_positions: Tensor | None = None


def seq2seq_attention_mask(source_mask: Tensor, target_length: int) -> Tensor:
    """The UniLM sequence-to-sequence mask of source and target laid end to end.

    Args:
        source_mask: ``[batch, source_length]``, nonzero at real source tokens.
        target_length: number of target positions that follow the source.

    Returns:
        Boolean ``[batch, source_length + target_length, source_length + target_length]``;
        ``[b, i, j]`` says whether position ``i`` may attend to position ``j``.  Padded source
        positions are seen by none but themselves (a softmax over nothing is undefined).
    """
    batch, source_length = source_mask.shape
    total = source_length + target_length
    device = source_mask.device
    mask = torch.zeros(batch, total, total, dtype=torch.bool, device=device)
    mask[:, :, :source_length] = source_mask.bool()[:, None, :]
    mask[:, source_length:, source_length:] = torch.ones(
        target_length, target_length, dtype=torch.bool, device=device
    ).tril()
    return mask | torch.eye(total, dtype=torch.bool, device=device)


def seq2seq_layout(source_mask: Tensor, target_length: int) -> Layout:
    """Source and target laid end to end.

    The first target position follows the last *real* source token, so padding between the two
    changes nothing.

    Args:
        source_mask: ``[batch, source_length]``, nonzero at real tokens, padded on the right.
        target_length: number of target tokens; 0 for a source alone.
    """
    batch, source_length = source_mask.shape
    device = source_mask.device
    source_position = torch.arange(source_length, device=device).expand(batch, -1)
    lengths = source_mask.long().sum(1, keepdim=True)
    target_position = lengths + torch.arange(target_length, device=device)
    position_ids = torch.cat([torch.minimum(source_position, lengths), target_position], dim=1)
    types = (torch.arange(source_length + target_length, device=device) >= source_length).long()
    return Layout(
        types.expand(batch, -1), position_ids, seq2seq_attention_mask(source_mask, target_length)
    )


def pseudo_masked_layout(source_mask: Tensor, target_length: int, targets: int = 1) -> Layout:
    """Source, targets and one ``[MASK]`` per target token, laid end to end.

    The ``[MASK]`` of target token ``t`` stands at the position of ``t`` and sees the source, the
    target tokens before ``t`` and itself: what it sees in decoding.  So one pass predicts every
    target token as decoding would (the pseudo-masks of UniLMv2, Bao et al. 2020, arXiv:2002.12804).

    Several targets of one source do not see one another, and each begins behind the source.

    Args:
        source_mask: ``[batch, source_length]``, nonzero at real tokens, padded on the right.
        target_length: tokens of each target.
        targets: number of targets.

    Returns:
        A layout of length ``source_length + 2 * targets * target_length``: the source, all targets,
        and then all of their ``[MASK]``.
    """
    types, position_ids, *_ = seq2seq_layout(source_mask, target_length)
    begin, count = source_mask.shape[1], targets * target_length
    types = torch.cat([types[:, :begin], types[:, begin:].repeat(1, 2 * targets)], dim=1)
    position_ids = torch.cat(
        [position_ids[:, :begin], position_ids[:, begin:].repeat(1, 2 * targets)], dim=1
    )
    total = begin + 2 * count
    own = torch.block_diag(*[torch.ones(target_length, target_length)] * targets)
    own = own.to(source_mask.device).bool()
    visible = torch.zeros(len(source_mask), total, total, dtype=torch.bool, device=own.device)
    visible[:, :, :begin] = source_mask.bool()[:, None, :]
    visible[:, begin : begin + count, begin : begin + count] = own.tril()
    visible[:, begin + count :, begin : begin + count] = own.tril(-1)
    visible |= torch.eye(total, dtype=torch.bool, device=visible.device)
    return Layout(types, position_ids, visible)
