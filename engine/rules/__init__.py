"""One VJP rule per autograd node: its formulas, what they mean, and their values. Free of torch."""

from __future__ import annotations

from .book import Rule, rule_for, rules

__all__ = ["Rule", "rule_for", "rules"]
