"""Logistic regressions: how they are fitted and tried, and their weights as they ship."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS = 10


def regression(c: float) -> Pipeline:
    """A scaler and a logistic regression; the smaller ``c``, the stronger its penalty."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=500))


def out_of_fold(
    model: Pipeline,
    values: np.ndarray,
    labels: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    **params: Any,
) -> np.ndarray:
    """Probabilities ``[n]`` that labels are true, each by a model fitted to other groups alone.

    Args:
        model: of :func:`regression`.
        values, labels, groups: ``[n, features]``, ``[n]`` and ``[n]``.
        params: of the model's ``fit``.
    """
    folds = GroupKFold(min(FOLDS, len(set(groups))), shuffle=True, random_state=0)
    return cross_val_predict(
        model, values, labels, groups=groups, cv=folds, method="predict_proba", params=params
    )[:, 1]


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
