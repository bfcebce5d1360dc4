"""The layers of the language: a tuple one can read, in the order of the documentation."""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.layers import (
    activation,
    convolution,
    linear,
    normalization,
    pooling,
    rearrange,
    regularization,
    reshape,
    resize,
)
from netdsl.layers.layer import Layer

LAYERS: tuple[type[Layer], ...] = (
    convolution.Conv,
    convolution.ConvTranspose,
    convolution.Depthwise,
    linear.Linear,
    linear.RBF,
    linear.Affine,
    linear.Scale,
    pooling.MaxPool,
    pooling.AvgPool,
    pooling.AdaptiveAvgPool,
    pooling.AdaptiveMaxPool,
    pooling.GlobalAvgPool,
    pooling.GlobalMaxPool,
    pooling.Switches,
    normalization.BatchNorm,
    normalization.LayerNorm,
    normalization.GroupNorm,
    normalization.InstanceNorm,
    normalization.LocalResponseNorm,
    activation.ReLU,
    activation.ReLU6,
    activation.LeakyReLU,
    activation.PReLU,
    activation.ELU,
    activation.SELU,
    activation.GELU,
    activation.SiLU,
    activation.Mish,
    activation.Hardswish,
    activation.Hardsigmoid,
    activation.Sigmoid,
    activation.Tanh,
    activation.Softplus,
    activation.Softmax,
    activation.LogSoftmax,
    activation.Maxout,
    regularization.Dropout,
    regularization.SpatialDropout,
    regularization.DropPath,
    reshape.Flatten,
    reshape.Reshape,
    rearrange.Rearrange,
    reshape.PixelShuffle,
    reshape.ChannelShuffle,
    reshape.Channels,
    resize.Upsample,
    resize.Pad,
    resize.Crop,
)

LAYERS_BY_WORD: Mapping[str, type[Layer]] = {layer.word: layer for layer in LAYERS}
