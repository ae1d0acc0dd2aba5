"""One VJP rule per autograd node: its formulas, what they mean, and their values. Free of torch."""

from __future__ import annotations

from .book import Rule, rule_for, rules
from .evaluate import evaluate
from .recorded import evaluate_step
from .substitution import substitute

__all__ = ["Rule", "evaluate", "evaluate_step", "rule_for", "rules", "substitute"]
