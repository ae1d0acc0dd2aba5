"""Compares autograd with finite differences and with the rules, for whole programs and node by node. Imports torch."""

from __future__ import annotations

from .jacobian import LocalJacobian, local_jacobian
from .nodes import check_node, check_nodes
from .program import check
from .report import NodeRow, Report, Row, Verdict, format_table

__all__ = [
    "LocalJacobian",
    "NodeRow",
    "Report",
    "Row",
    "Verdict",
    "check",
    "check_node",
    "check_nodes",
    "format_table",
    "local_jacobian",
]
