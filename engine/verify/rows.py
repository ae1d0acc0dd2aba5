"""One leaf's line of a report: where its gradient by autograd, by rule and by finite differences differ most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .differences import Differences, Rounding, relative_error
from .report import Row

Array = npt.NDArray[np.float64]
_NO_ROUNDING = Rounding()


def make_row(
    name: str, grad: Array, differences: Differences | None, by_rule: Array | None, rounding: Rounding = _NO_ROUNDING
) -> Row:
    flat = grad.reshape(-1)
    scale = float(np.abs(flat[np.isfinite(flat)]).max(initial=0.0))
    errors: list[float] = []
    place, at_direction = int(np.argmax(np.abs(flat))) if flat.size else 0, False
    estimate: float | None = None
    note = ""
    if by_rule is not None:
        rule_flat = by_rule.reshape(-1)
        errors.append(relative_error(flat, rule_flat, scale, rounding))
        if errors[-1] > 0:
            place = int(np.argmax(np.nan_to_num(np.abs(flat - rule_flat), nan=np.inf)))
    if differences is not None and len(differences.places):
        mine = flat[differences.places]
        size = max(scale, float(np.abs(differences.estimates).max()))
        of_differences = max(differences.rounding, rounding)  # where terms cancel, autograd's own rounding is larger
        errors.append(relative_error(mine, differences.estimates, size, of_differences))
        with np.errstate(invalid="ignore"):
            gaps = np.nan_to_num(np.abs(mine - differences.estimates), nan=np.inf)
        worst = int(np.argmax(gaps)) if errors[-1] == max(errors) and errors[-1] > 0 else int(np.argmax(np.abs(mine)))
        place, estimate = int(differences.places[worst]), float(differences.estimates[worst])
        if differences.direction is not None:
            along, slope = differences.direction
            size = max(abs(along), abs(slope), scale / max(1.0, flat.size**0.5))
            error = relative_error(np.array([slope]), np.array([along]), size, of_differences)
            at_direction = error > max(errors)
            errors.append(error)
    if differences is not None and differences.kinks:
        note = f"{differences.kinks} elements lie on a kink, where there is no derivative; autograd's choice stands."
    if at_direction and differences is not None and differences.direction is not None:
        autograd, estimate, rule = differences.direction[1], differences.direction[0], None
    else:
        autograd = float(flat[place]) if flat.size else 0.0
        rule = None if by_rule is None or not flat.size else float(by_rule.reshape(-1)[place])
    index = tuple(int(k) for k in np.unravel_index(place, grad.shape)) if grad.ndim and flat.size else None
    return Row(
        name=name,
        shape=grad.shape,
        at="direction" if at_direction else index,
        autograd=autograd,
        by_rule=rule,
        finite_difference=estimate,
        relative_error=max(errors, default=None),
        checked=0 if differences is None else len(differences.places),
        count=flat.size,
        note=note,
    )
