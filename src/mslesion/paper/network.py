"""The convolutional network of section 3.2, layer by layer."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from mslesion.paper.protocol import NetworkProtocol
from mslesion.paper.result import Layer


def build_network(protocol: NetworkProtocol, size_pixels: int) -> nn.Sequential:
    """The paper's layers in the paper's order, up to the softmax.

    Blocks of convolution, ReLU and pooling; a fully connected layer with sigmoid; dropout; a fully
    connected layer to two scores. The softmax of the last layer is part of the loss in training
    and is applied to the scores in prediction, as numerical practice has it.

    Takes (N, 1, ``size_pixels``, ``size_pixels``) float32 z-scores and gives (N, classes) scores.
    """
    pooling = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}[protocol.pooling]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels, side = 1, size_pixels
    for number, filters in enumerate(protocol.filters, start=1):
        layers[f"convolution {number}"] = nn.Conv2d(
            channels, filters, protocol.kernel_pixels, padding="same"
        )
        layers[f"ReLU {number}"] = nn.ReLU(inplace=True)
        layers[f"{protocol.pooling} pooling {number}"] = pooling(protocol.pool_pixels)
        channels, side = filters, side // protocol.pool_pixels
    layers["flatten"] = nn.Flatten()
    layers["fully connected 1"] = nn.Linear(channels * side * side, protocol.hidden_units)
    layers["sigmoid"] = nn.Sigmoid()
    layers["dropout"] = nn.Dropout(protocol.dropout)
    layers["fully connected 2"] = nn.Linear(protocol.hidden_units, protocol.classes)
    return nn.Sequential(layers)


def describe_layers(protocol: NetworkProtocol, size_pixels: int) -> tuple[Layer, ...]:
    """Name, output shape and parameter count of every layer, input and softmax included."""
    network = build_network(protocol, size_pixels).eval()
    image = torch.zeros(1, 1, size_pixels, size_pixels)
    described = [Layer("input", tuple(image.shape[1:]), 0)]
    with torch.inference_mode():
        for name, layer in network.named_children():
            image = layer(image)
            count = sum(parameter.numel() for parameter in layer.parameters())
            described.append(Layer(name, tuple(image.shape[1:]), count))
    described.append(Layer("softmax", tuple(image.shape[1:]), 0))
    return tuple(described)
