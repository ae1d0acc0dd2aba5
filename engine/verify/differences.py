"""Central differences of a function of one tensor, and how they compare with a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import torch

STEPS = (1e-5, 1e-6, 1e-4)
"""Step sizes, relative to the larger of the element and 1; the first is the best for smooth functions of order 1."""
MOST_ELEMENTS = 64
SAMPLED_ELEMENTS = 16
EPSILON = 2.0**-52
KINK = 1e-3
"""One-sided differences that differ by more than this, relatively, at every step size: there is no derivative."""

Evaluate = Callable[[], float]


class Rounding(NamedTuple):
    """How large rounding errors may be, and the size of the numbers that were rounded."""

    noise: float = 0.0
    size: float = 1.0


class Differences(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Central differences at some elements of a tensor, beside the gradient there.

    `places` are flat indices; `direction` is the pair (difference, gradient) along one random direction, where not all
    elements were taken. `kinks` counts elements that were left out because the function has a kink there.
    """

    places: npt.NDArray[np.int64]
    estimates: npt.NDArray[np.float64]
    rounding: Rounding
    direction: tuple[float, float] | None = None
    kinks: int = 0


def central_differences(
    evaluate: Evaluate,
    tensor: torch.Tensor,
    gradient: npt.NDArray[np.float64],
    seed: int = 0,
    *,
    tolerance: float = 1e-8,
    most_elements: int = MOST_ELEMENTS,
    sampled_elements: int = SAMPLED_ELEMENTS,
) -> Differences:
    """Differentiate `evaluate` in `tensor` (float64, contiguous), which is moved and put back.

    Parameters
    ----------
    evaluate : the function's value as a number; the same for the same values of `tensor`.
    gradient : what is expected, shape of `tensor`. Of the estimates with different step sizes the nearest to it is
        taken: rounding spoils small steps, curvature large ones, and only a wrong gradient disagrees with all.
    tolerance : difference to the gradient, relative to its largest element, at which no other step size is tried.
    most_elements : up to here every element is moved; of larger tensors `sampled_elements`, chosen by `seed`, and all
        together along one random direction.
    """
    flat = tensor.detach().reshape(-1)
    count = flat.numel()
    generator = np.random.default_rng(seed)
    is_whole = count <= most_elements
    chosen = np.arange(count) if is_whole else np.sort(generator.choice(count, sampled_elements, replace=False))
    middle = evaluate()
    expected = gradient.reshape(-1)
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    places, estimates, kinks = [], [], 0
    for place in chosen.tolist():
        unit = torch.zeros_like(flat)
        unit[place] = 1
        size = max(1.0, abs(float(flat[place])))
        estimate = _along(evaluate, flat, unit, float(expected[place]), middle, size, scale, tolerance)
        if estimate is None:
            kinks += 1
            continue
        places.append(place)
        estimates.append(estimate)
    direction = None
    if not is_whole:
        vector = torch.from_numpy(generator.standard_normal(count))
        vector /= vector.norm()
        slope = float(vector.numpy() @ expected)
        along = _along(evaluate, flat, vector, slope, middle, 1.0, scale, tolerance)
        direction = None if along is None else (along, slope)
    return Differences(
        places=np.array(places, dtype=np.int64),
        estimates=np.array(estimates, dtype=np.float64),
        rounding=Rounding(64 * EPSILON * max(1.0, abs(middle)) / STEPS[0], max(1.0, abs(middle))),
        direction=direction,
        kinks=kinks,
    )


def _along(
    evaluate: Evaluate,
    flat: torch.Tensor,
    direction: torch.Tensor,
    expected: float,
    middle: float,
    size: float,
    scale: float,
    tolerance: float,
) -> float | None:
    """The derivative along a direction; None where the function has a kink."""
    original = flat.clone()
    best: float | None = None
    is_kinked = True
    for step in STEPS:
        h = step * size
        flat.copy_(original + h * direction)
        above = evaluate()
        flat.copy_(original - h * direction)
        below = evaluate()
        flat.copy_(original)
        estimate = (above - below) / (2 * h)
        noise = 64 * EPSILON * max(1.0, abs(middle)) / h
        if best is None or abs(estimate - expected) < abs(best - expected):
            best = estimate
        gap = abs((above - middle) / h - (middle - below) / h)
        is_kinked = is_kinked and gap > KINK * max(abs(above - middle), abs(middle - below)) / h + 2 * noise
        if abs(estimate - expected) <= max(tolerance * scale, noise):
            return estimate
    return None if is_kinked else best


def relative_error(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], scale: float, rounding: Rounding
) -> float:
    """Largest difference over `scale`, or over the size of what was rounded where it is no more than rounding.

    NaN in one alone counts as an infinite difference.
    """
    if first.size == 0:
        return 0.0
    both = np.isnan(first) & np.isnan(second) | (first == second)
    with np.errstate(invalid="ignore"):
        difference = np.where(both, 0.0, np.abs(first - second))
    if np.isnan(difference).any():
        return float("inf")
    largest = float(difference.max())
    if largest == 0:
        return 0.0
    error = largest / scale if scale > 0 else float("inf")
    return min(error, largest / rounding.size) if largest <= rounding.noise else error
