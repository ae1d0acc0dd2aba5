"""Boxes that lie on each other, moved apart while they keep their order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ROUNDS = 60


def remove_overlaps(
    centers: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], gap: float
) -> npt.NDArray[np.float64]:
    """Move boxes apart until `gap` is between any two.

    Parameters
    ----------
    centers : wished centers, shape (n, 2).
    sizes : widths and heights, shape (n, 2).
    gap : least room between two boxes, along x or along y.

    Returns
    -------
    Centers without overlaps, shape (n, 2). Boxes are pushed along the axis on which they overlap less, a little at a
    time; whatever still overlaps after that is moved down, box by box, from the top.
    """
    centers = centers.astype(np.float64).copy()
    count = len(centers)
    if count < 2:
        return centers
    half = (sizes[:, None, :] + sizes[None, :, :]) / 2 + gap
    # Boxes at the very same place need a direction to part in.
    centers += np.stack([np.arange(count), np.arange(count)], axis=1) * 1e-3
    for _ in range(ROUNDS):
        apart = centers[None, :, :] - centers[:, None, :]
        excess = half - np.abs(apart)
        is_over = np.all(excess > 1e-6, axis=2) & ~np.eye(count, dtype=bool)
        if not is_over.any():
            return centers
        axis = np.argmin(excess, axis=2)
        for k in (0, 1):
            push = np.where(is_over & (axis == k), excess[:, :, k], 0.0) * np.where(apart[:, :, k] >= 0, 1.0, -1.0)
            crowd = np.maximum((push != 0).sum(axis=0), 1)
            centers[:, k] += push.sum(axis=0) / 2 / np.sqrt(crowd)
    return _stacked(centers, sizes, gap)


def _stacked(centers: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], gap: float) -> npt.NDArray[np.float64]:
    """From the top, move every box below all earlier ones that are in its way."""
    order = np.lexsort((centers[:, 0], centers[:, 1]))
    for place, box in enumerate(order):
        placed = order[:place]
        near = np.abs(centers[placed, 0] - centers[box, 0]) < (sizes[placed, 0] + sizes[box, 0]) / 2 + gap - 1e-6
        for other in placed[near][np.argsort(centers[placed[near], 1], kind="stable")]:
            least = (sizes[other, 1] + sizes[box, 1]) / 2 + gap
            if abs(centers[other, 1] - centers[box, 1]) < least:
                centers[box, 1] = centers[other, 1] + least
    return centers
