"""What words mean apart from their context: a model's embeddings of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from qgen.model.tokenizer import AnyTokenizer


class WordVectors:
    """The mean embedding of a text's word pieces, from that of the vocabulary, as a direction: the
    product of two is their cosine.

    Args:
        embeddings: ``[vocabulary, hidden]``.
        tokenizer: whose word pieces they are of.
    """

    def __init__(self, embeddings: Tensor, tokenizer: AnyTokenizer):
        self._embeddings, self._tokenizer = embeddings, tokenizer
        with torch.inference_mode():
            self._centre = embeddings.float().mean(0)

    @torch.inference_mode()
    def of(self, texts: Sequence[str]) -> Tensor:
        """``[texts, hidden]``, of length 1, on the CPU; 0 for a text without word pieces."""
        ids = self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        rows = [self._embeddings[each].float().mean(0) if each else self._centre for each in ids]
        return normalize(torch.stack(rows) - self._centre, dim=-1).cpu()
