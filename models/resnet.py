"""ResNet-50 as torchvision defines it, which the published references of STEMDL take.

He et al. 2016 (doi:10.1109/CVPR.2016.90), with the stride of a block in its 3 x 3 convolution ("v1.5"), convolutions
without biases, and padding, batch norm and first weights of PyTorch. Source: pytorch/vision,
torchvision/models/resnet.py. `keras.applications.ResNet50` has the stride in the 1 x 1 convolution, biases in all
convolutions (26,560 parameters), and another epsilon and momentum of batch norm.
"""

from __future__ import annotations

from typing import Any

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Width of the 3 x 3 convolutions, number of blocks, and stride of the first of them."""
EXPANSION = 4
"""A block gives so many times its width."""
STEM = 64
MOMENTUM = 0.9
"""Momentum of the moving statistics of batch norm: 1 - 0.1, which is PyTorch's default as Keras counts it."""
EPSILON = 1e-5


def resnet50(
    shape: tuple[int, int, int],
    outputs: int,
    *,
    scale: float = 1.0,
    dropout: float = 0.0,
    new_stem: bool = False,
    name: str = "resnet50",
) -> Any:
    """A Keras model from images (N, R, C, channels) to logits (N, outputs).

    Args:
        shape: (R, C, channels) of an image.
        outputs: logits; their layer has PyTorch's first weights, uniform in +-1 / sqrt(inputs), as its biases.
        scale: factor that images are multiplied with; 1 takes them as they are.
        dropout: share of the logits that is dropped in training; those that are kept grow by 1 / (1 - dropout).
        new_stem: whether the first convolution took the place of torchvision's, and has the uniform first weights of
            any convolution of PyTorch, not the normal ones of He et al. 2015 (arXiv 1502.01852) over the outputs.
        name: name of the model.
    """
    import keras
    from keras import layers

    inputs = keras.Input(shape)
    x = layers.Rescaling(scale)(inputs) if scale != 1 else inputs
    x = layers.ReLU()(_normalised(x, STEM, size=7, stride=2, uniform=new_stem))
    # Zeros do as PyTorch's padding with minus infinity: nothing after a ReLU is below them.
    x = layers.MaxPool2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for width, blocks, stride in STAGES:
        for block in range(blocks):
            x = _block(x, width, 1 if block else stride)
    bound = float(x.shape[-1]) ** -0.5
    logits = layers.Dense(
        outputs, kernel_initializer=_uniform(), bias_initializer=keras.initializers.RandomUniform(-bound, bound)
    )(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dropout(dropout)(logits) if dropout else logits, name=name)


def _block(x: Any, width: int, stride: int) -> Any:
    """1 x 1, 3 x 3 and 1 x 1, added to what comes in, or to its projection where the shapes differ."""
    from keras import layers

    y = layers.ReLU()(_normalised(x, width))
    y = layers.ReLU()(_normalised(y, width, size=3, stride=stride))
    y = _normalised(y, EXPANSION * width)
    if stride > 1 or x.shape[-1] != EXPANSION * width:
        x = _normalised(x, EXPANSION * width, stride=stride)
    return layers.ReLU()(layers.Add()([x, y]))


def _normalised(x: Any, filters: int, *, size: int = 1, stride: int = 1, uniform: bool = False) -> Any:
    """Convolution and batch norm; zeros on all sides, where Keras's own padding for a stride of 2 may have one side."""
    import keras
    from keras import layers

    # A new one for each layer: an initializer gives the same numbers each time.
    weights = _uniform() if uniform else keras.initializers.VarianceScaling(2, "fan_out", "untruncated_normal")
    if size > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    x = layers.Conv2D(filters, size, stride, use_bias=False, kernel_initializer=weights)(x)
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)(x)


def _uniform() -> Any:
    """PyTorch's first weights of a convolution or dense layer: uniform in +-1 / sqrt(inputs)."""
    import keras

    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
