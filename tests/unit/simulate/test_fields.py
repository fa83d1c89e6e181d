"""Smooth random fields."""

from __future__ import annotations

import numpy as np

from mslesion.simulate.fields import ramp, smooth_noise, spline_basis, spread, stage_rng

AXES = tuple(np.arange(n, dtype=np.float32) for n in (60, 50, 40))


def test_splines_reproduce_a_straight_line() -> None:
    """A lattice that holds an affine map gives that map everywhere, so pose needs no extra step."""
    positions = np.linspace(0, 20, 41).astype(np.float32)
    bases = [spline_basis(positions, -10.0, 5.0, 9)] * 3
    lattice_x = (-10.0 + 5.0 * np.arange(9, dtype=np.float32))[:, None, None] * np.ones((1, 9, 9))
    field = spread(lattice_x.astype(np.float32), bases)
    assert np.allclose(field, positions[:, None, None], atol=1e-4)


def test_noise_has_unit_variance() -> None:
    """The amplitude of a field is set by its caller alone, whatever the smoothness."""
    for spacing_mm in (2.0, 4.0):
        noise = smooth_noise(stage_rng(0, 0, "noise"), AXES, spacing_mm)  # type: ignore[arg-type]
        assert noise.shape == (60, 50, 40)
        assert abs(float(noise.std()) - 1) < 0.1


def test_stages_are_independent_streams() -> None:
    """Neighbouring people and other stages share no numbers."""
    first = {float(stage_rng(s, i, name).random()) for s in (0, 1) for i in (0, 1) for name in "ab"}
    assert len(first) == 8


def test_a_ramp_runs_either_way() -> None:
    """0 at its start, one half in the middle, 1 at its end, rising or falling."""
    values = np.array([0.0, 1.0, 2.0], np.float32)
    assert ramp(values, 0, 2).tolist() == [0, 0.5, 1]
    assert ramp(values, 2, 0).tolist() == [1, 0.5, 0]
