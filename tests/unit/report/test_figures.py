"""Figures: drawn from anything that may come, and lesions outlined where they are."""

import dataclasses
import io

import numpy as np
import pytest
from made_up_study import LAYERS, make_study
from PIL import Image

from mslesion.evaluation.intervals import UNDEFINED, Estimate
from mslesion.evaluation.metrics import Confusion
from mslesion.paper.result import Epoch, Fit
from mslesion.report.drawings import (
    ComparisonDrawing,
    ConfusionDrawing,
    NetworkDrawing,
    SlicesDrawing,
    TrainingDrawing,
)
from mslesion.report.figures import draw, outline

NAN = float("nan")


def test_a_single_pixel_is_outlined_by_its_four_edges():
    """The pixel in row 1, column 2 has edges at 0.5, 1.5 (rows) and 1.5, 2.5 (columns)."""
    mask = np.zeros((4, 5), bool)
    mask[1, 2] = True
    assert sorted(outline(mask)) == [
        ((1.5, 1.5), (0.5, 1.5)),
        ((1.5, 2.5), (0.5, 0.5)),
        ((1.5, 2.5), (1.5, 1.5)),
        ((2.5, 2.5), (0.5, 1.5)),
    ]


def test_an_empty_mask_has_no_outline_and_a_full_one_the_border():
    """Two by three pixels have a border of ten edges."""
    assert outline(np.zeros((3, 3), bool)) == []
    assert len(outline(np.ones((2, 3), bool))) == 10


EXAMPLE = make_study(people=12, slices_each=3, folds=1, draws=10).examples[0]
CURVE = tuple(Epoch(n, NAN, 0.5, NAN, 0.5) for n in (1, 2))


@pytest.mark.parametrize(
    "drawing",
    [
        NetworkDrawing(LAYERS[:3]),
        SlicesDrawing((dataclasses.replace(EXAMPLE, lesion_mask=None),)),
        SlicesDrawing((dataclasses.replace(EXAMPLE, pixels=np.zeros((8, 8), np.float32)),)),
        SlicesDrawing((dataclasses.replace(EXAMPLE, caption="$\\bad{ \u60a3\u8005 <x>"),)),
        TrainingDrawing((Fit(0, 1.0, {}, CURVE, 1),), is_demonstration=False),
        TrainingDrawing((Fit(0, 1.0, {}, CURVE, None), Fit(1, 1.0, {}, CURVE[:1], 9)), True),
        ConfusionDrawing((("test", Confusion(0, 0, 0, 0)),), "MS", "control", True),
        ComparisonDrawing(("$x_",), {}, {"$x_": {"accuracy": UNDEFINED}}, {}, None),
        ComparisonDrawing(("SVM",), {}, {}, {"SVM": {"accuracy": Estimate(0.5, NAN, NAN)}}, 0.5),
    ],
)
def test_whatever_comes_is_drawn(drawing):
    """One layer line, no mask, flat pixels, odd names, diverged training, empty matrices."""
    with Image.open(io.BytesIO(draw(drawing))) as picture:
        assert picture.width > 300


def test_a_drawing_repeats_to_the_byte():
    """No date, no software version, no random hatch."""
    drawing = TrainingDrawing((Fit(0, 1.0, {}, CURVE, 1),), is_demonstration=True)
    assert draw(drawing) == draw(drawing)
