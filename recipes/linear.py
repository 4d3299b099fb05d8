"""A fitted logistic regression as the weights that ship."""

from __future__ import annotations

from collections.abc import Iterable

from sklearn.pipeline import Pipeline


def plain_weights(fitted: Pipeline, names: Iterable[str]) -> dict[str, float]:
    """Its weights for features that are not scaled, by name, and ``bias``; four digits of each.

    Args:
        fitted: a scaler and a logistic regression.
        names: of the features.
    """
    scaler, model = fitted.named_steps.values()
    weights = model.coef_[0] / scaler.scale_
    bias = float(model.intercept_[0] - weights @ scaler.mean_)
    return dict(zip(names, weights.round(4).tolist(), strict=True)) | {"bias": round(bias, 4)}
