"""The paper's methods written a second time: slowly, from the formula."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def otsu_by_trying(values: NDArray[np.floating], thresholds: NDArray[np.floating]) -> float:
    """Otsu 1979, equation 14: the threshold that maximises w0 w1 (m0 - m1)^2."""
    best, chosen = -1.0, float(thresholds[0])
    for threshold in thresholds:
        low, high = values[values <= threshold], values[values > threshold]
        if not len(low) or not len(high):
            continue
        between = len(low) * len(high) * (low.mean() - high.mean()) ** 2
        if between > best:
            best, chosen = between, float(threshold)
    return chosen


def turned_pixel_by_pixel(
    image: NDArray[np.floating], angle_degrees: float, is_flipped: bool
) -> NDArray[np.float64]:
    """Mirror left and right, then turn counter-clockwise as displayed, bilinear, edge repeated."""
    size = image.shape[0]
    middle = (size - 1) / 2
    mirrored = image[:, ::-1] if is_flipped else image
    cosine, sine = np.cos(np.deg2rad(angle_degrees)), np.sin(np.deg2rad(angle_degrees))
    turned = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            # Mathematics has y upwards: turn the output point back by the angle.
            x, y = column - middle, middle - row
            source_x, source_y = cosine * x + sine * y, -sine * x + cosine * y
            turned[row, column] = _bilinear(mirrored, middle - source_y, middle + source_x)
    return turned


def _bilinear(image: NDArray[np.floating], row: float, column: float) -> float:
    last = image.shape[0] - 1
    row, column = min(max(row, 0.0), last), min(max(column, 0.0), last)
    top, left = int(row), int(column)
    bottom, right = min(top + 1, last), min(left + 1, last)
    down, across = row - top, column - left
    upper = (1 - across) * image[top, left] + across * image[top, right]
    lower = (1 - across) * image[bottom, left] + across * image[bottom, right]
    return float((1 - down) * upper + down * lower)


def network_by_hand(
    image: NDArray[np.floating], weights: dict[str, NDArray[np.floating]], blocks: int
) -> NDArray[np.float64]:
    """Section 3.2 layer by layer: equations 1 and 2, average pooling of 2x2, softmax."""
    maps = image[None].astype(float)
    for number in range(1, blocks + 1):
        maps = _convolve(
            maps, weights[f"convolution {number}.weight"], weights[f"convolution {number}.bias"]
        )
        maps = np.maximum(0, maps)
        maps = (maps[:, ::2, ::2] + maps[:, 1::2, ::2] + maps[:, ::2, 1::2]
                + maps[:, 1::2, 1::2]) / 4  # fmt: skip
    hidden = weights["fully connected 1.weight"] @ maps.ravel() + weights["fully connected 1.bias"]
    hidden = 1 / (1 + np.exp(-hidden))
    scores = weights["fully connected 2.weight"] @ hidden + weights["fully connected 2.bias"]
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum()


def _convolve(
    maps: NDArray[np.floating], weight: NDArray[np.floating], bias: NDArray[np.floating]
) -> NDArray[np.float64]:
    channels, height, width = maps.shape
    reach = weight.shape[-1] // 2
    padded = np.pad(maps, ((0, 0), (reach, reach), (reach, reach)))
    result = np.zeros((len(weight), height, width)) + bias[:, None, None]
    for row in range(weight.shape[-1]):
        for column in range(weight.shape[-1]):
            window = padded[:, row : row + height, column : column + width]
            result += np.einsum("oc,chw->ohw", weight[:, :channels, row, column], window)
    return result
