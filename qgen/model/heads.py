"""Masked-LM heads, and an encoder with the one of its kind."""

from __future__ import annotations

from torch import Tensor, nn

from qgen.model.encoder import ACTIVATIONS, Encoder, EncoderConfig


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
    """The masked-LM head of RoBERTa and MPNet."""

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
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self._prefix = config.family.prefix
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
        """The encoder, under its family's prefix."""
        return getattr(self, self._prefix)

    @property
    def head(self) -> BertHead | RobertaHead:
        """``cls`` in BERT, ``lm_head`` in the others."""
        return getattr(self, self._head)

    @property
    def output(self) -> Predictions | RobertaHead:
        """What holds the projection onto the vocabulary, ``decoder``."""
        head = self.head
        return head.predictions if isinstance(head, BertHead) else head
