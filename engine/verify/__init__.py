"""Compares autograd with finite differences and with the rules, for whole programs and node by node. Imports torch."""

from __future__ import annotations

from .nodes import check_nodes
from .program import check
from .report import NodeRow, Report, Row, Verdict, format_table

__all__ = ["NodeRow", "Report", "Row", "Verdict", "check", "check_nodes", "format_table"]
