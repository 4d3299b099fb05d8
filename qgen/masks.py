"""Who sees whom, and where each token stands, in source and target laid end to end."""

from __future__ import annotations

import torch
from torch import Tensor


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


def pseudo_masked_layout(source_mask: Tensor, target_length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Source, target and one ``[MASK]`` per target token, laid end to end.

    The ``[MASK]`` of target token ``t`` stands at the position of ``t`` and sees the source, the
    target tokens before ``t`` and itself: what it sees in decoding.  So one pass predicts every
    target token as decoding would (the pseudo-masks of UniLMv2, Bao et al. 2020, arXiv:2002.12804).

    Args:
        source_mask: ``[batch, source_length]``, nonzero at real tokens, padded on the right.
        target_length: number of target tokens.

    Returns:
        ``(segment, position, mask)`` as :meth:`UniLMForConditionalGeneration.encode` takes them,
        of length ``source_length + 2 * target_length``.
    """
    segment, position = target_layout(source_mask, target_length)
    segment = torch.cat([segment, segment[:, segment.shape[1] - target_length :]], dim=1)
    position = torch.cat([position, position[:, position.shape[1] - target_length :]], dim=1)
    visible = torch.nn.functional.pad(
        seq2seq_attention_mask(source_mask, target_length), (0, target_length, 0, target_length)
    )
    earlier = torch.ones(
        target_length, target_length, dtype=torch.bool, device=source_mask.device
    ).tril(-1)
    begin = source_mask.shape[1]
    visible[:, begin + target_length :, :begin] = source_mask.bool()[:, None, :]
    visible[:, begin + target_length :, begin : begin + target_length] = earlier
    visible |= torch.eye(visible.shape[1], dtype=torch.bool, device=visible.device)
    return segment, position, visible


def target_layout(source_mask: Tensor, target_length: int) -> tuple[Tensor, Tensor]:
    """Segment ids and positions of source and target laid end to end.

    The first target position follows the last *real* source token, so padding between the two
    changes nothing.

    Args:
        source_mask: ``[batch, source_length]``, nonzero at real tokens, padded on the right.

    Returns:
        ``(segment, position)``, each ``[batch, source_length + target_length]``.
    """
    batch, source_length = source_mask.shape
    device = source_mask.device
    source_position = torch.arange(source_length, device=device).expand(batch, -1)
    lengths = source_mask.long().sum(1, keepdim=True)
    target_position = lengths + torch.arange(target_length, device=device)
    position = torch.cat([torch.minimum(source_position, lengths), target_position], dim=1)
    segment = (torch.arange(source_length + target_length, device=device) >= source_length).long()
    return segment.expand(batch, -1), position


def source_layout(source_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Segment ids, positions and attention mask of sources alone.

    Args:
        source_mask: boolean ``[batch, length]``, true at real tokens, padded on the right.

    Returns:
        ``(segment, position, mask)`` as :meth:`UniLMForConditionalGeneration.encode` takes them.
    """
    return (*target_layout(source_mask, 0), seq2seq_attention_mask(source_mask, 0))
