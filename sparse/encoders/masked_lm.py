"""SPLADE over any masked language model, without its dense logits.

Formal, Piwowarski and Clinchant, "SPLADE: Sparse Lexical and Expansion Model for First Stage
Ranking", SIGIR 2021; the maximum over tokens is of "SPLADE v2", 2021.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import SpladePooling, Transformer
from sentence_transformers.util import batch_to_device
from torch import Tensor, nn

from rarefy.sparse.encoders.pipeline import prompt_for
from rarefy.sparse.encoders.projection import Projection
from rarefy.sparse.encoders.sparse_pipeline import SparsePipelineEncoder
from rarefy.sparse.model import Role
from rarefy.sparse.rows import Row

__all__ = ["MaskedLMEncoder"]

_LOGITS = 2**24  # logits that a model of unknown architecture may give at a time: 64 MiB


class MaskedLMEncoder(SparsePipelineEncoder):
    """A SparseEncoder made of a masked language model and SPLADE's pooling by maximum.

    Its vectors are those of ``SparseEncoder.encode``, computed faster: see
    :mod:`rarefy.sparse.encoders.projection`.

    Parameters
    ----------
    pipeline
        A SparseEncoder for which :meth:`fits` holds.
    cache, batch_size
        As for :class:`SparsePipelineEncoder`.
    """

    def __init__(
        self, pipeline: SparseEncoder, *, cache: bool | str | Path = True, batch_size: int = 32
    ) -> None:
        super().__init__(pipeline, cache=cache, batch_size=batch_size)
        self._transformer: Any
        self._pooling: Any
        self._transformer, self._pooling = pipeline
        self._body, self._projection = _split(self._transformer)

    @staticmethod
    def fits(pipeline: SparseEncoder) -> bool:
        """Whether the SparseEncoder is of the kind that this class encodes."""
        if len(pipeline) != 2:
            return False
        transformer, pooling = pipeline
        return (
            isinstance(transformer, Transformer)
            and transformer.transformer_task == "fill-mask"
            and isinstance(pooling, SpladePooling)
            and pooling.pooling_strategy == "max"
            and pipeline.max_active_dims is None
        )

    @torch.inference_mode()
    def _rows(self, texts: list[str], role: Role) -> list[Row]:
        features = self.pipeline.preprocess(texts, prompt=prompt_for(self.pipeline, role))
        features = batch_to_device(features, self.pipeline.device)
        mask = features["attention_mask"].bool()
        if self._projection is not None:
            states = self._body(features)["token_embeddings"]
            pairs = self._projection.positive_maxima(states[mask].float(), mask.sum(1).tolist())
        else:
            pairs = self._positive_maxima_of_logits(features, mask)
        rows = []
        for columns, logits in pairs:
            weights = logits.log1p()
            if self._pooling.activation_function == "log1p_relu":
                weights = weights.log1p()
            kept = weights > 0  # the smallest logits underflow
            rows.append(
                Row(
                    columns[kept].cpu().numpy().astype(np.uint32),
                    weights[kept].cpu().numpy().astype(np.float32),
                )
            )
        return rows

    def _positive_maxima_of_logits(
        self, features: dict[str, Any], mask: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        texts, tokens = mask.shape
        step = max(1, _LOGITS // (tokens * self._transformer.config.vocab_size))
        pairs = []
        for start in range(0, texts, step):
            part = {
                key: value[start : start + step] if isinstance(value, Tensor) else value
                for key, value in features.items()
            }
            logits = self._body(part)["token_embeddings"]
            for own, valid in zip(logits, mask[start : start + step], strict=True):
                maxima = own[valid].amax(0).float()
                columns = (maxima > 0).nonzero().squeeze(1)
                pairs.append((columns, maxima[columns]))
        return pairs


@torch.inference_mode()
def _split(transformer: Transformer) -> tuple[Transformer, Projection | None]:
    """Part a masked language model from its last linear layer, where it ends with one.

    The parts share the model's parameters. A probe decides whether they make up the model: an
    architecture may scale, cap or extend what that layer gives. It stays whole then.
    """
    output = transformer.model.get_output_embeddings()
    if not isinstance(output, nn.Linear):
        return transformer, None
    name = next(name for name, module in transformer.model.named_modules() if module is output)
    shared = [*transformer.parameters(), *transformer.buffers()]
    body = copy.deepcopy(transformer, {id(tensor): tensor for tensor in shared})
    body.model.set_submodule(name, nn.Identity())
    features = batch_to_device(transformer.preprocess(["a probe text"]), output.weight.device)
    logits = transformer(dict(features))["token_embeddings"]
    states = body(dict(features))["token_embeddings"]
    if states.shape[-1] != output.in_features:
        return transformer, None
    if not torch.allclose(output(states), logits, rtol=1e-3, atol=1e-3):
        return transformer, None
    return body, Projection(output.weight, output.bias)
