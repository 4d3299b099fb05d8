"""A smaller encoder cut out of a larger one: its first layers, with the neurons that matter most.

What a neuron of a feed-forward layer matters is the mean of |activation x gradient| over its
tokens: how much the loss would change without it, to first order (Molchanov et al. 2017,
arXiv:1611.06440).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from qgen.errors import QGenError


def prune(
    model: Any,
    layers: int,
    neurons: int,
    batches: Iterable[dict[str, Tensor]],
    loss: Callable[[Any, dict[str, Tensor]], Tensor],
) -> None:
    """Cut a model down, in place; its configuration says so.

    Args:
        model: a ``transformers`` model with the encoder of BERT or MPNet.
        layers: how many of the first ones are kept.
        neurons: of each feed-forward layer.
        batches: on which the neurons are compared.
        loss: of the model and a batch, a scalar.

    Raises:
        QGenError: the model has fewer layers or neurons than are to be kept.
    """
    encoder = model.base_model.encoder
    config = model.config
    if layers > config.num_hidden_layers or neurons > config.intermediate_size:
        raise QGenError(
            f"the model has {config.num_hidden_layers} layers of {config.intermediate_size} "
            f"neurons, fewer than {layers} of {neurons}"
        )
    encoder.layer = encoder.layer[:layers]
    config.num_hidden_layers = layers
    worth = importance(model, encoder.layer, batches, loss)
    for layer, values in zip(encoder.layer, worth, strict=True):
        kept = values.topk(neurons).indices.sort().values
        wide, narrow = layer.intermediate.dense, layer.output.dense
        layer.intermediate.dense = _linear(wide.weight[kept], wide.bias[kept])
        layer.output.dense = _linear(narrow.weight[:, kept], narrow.bias)
    config.intermediate_size = neurons


def importance(
    model: nn.Module,
    layers: Iterable[Any],
    batches: Iterable[dict[str, Tensor]],
    loss: Callable[[Any, dict[str, Tensor]], Tensor],
) -> list[Tensor]:
    """For each layer what its feed-forward neurons matter, ``[neurons]``."""
    layers = list(layers)
    worth = [torch.zeros(layer.intermediate.dense.out_features) for layer in layers]
    seen: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        output.retain_grad()
        seen.append(output)

    hooks = [layer.intermediate.register_forward_hook(keep) for layer in layers]
    model.eval()
    try:
        for batch in batches:
            seen.clear()
            model.zero_grad()
            loss(model, batch).backward()
            for total, activation in zip(worth, seen, strict=True):
                assert activation.grad is not None
                total += (activation * activation.grad).detach().abs().flatten(0, -2).sum(0).cpu()
    finally:
        for hook in hooks:
            hook.remove()
        model.zero_grad()
    return worth


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    return linear
