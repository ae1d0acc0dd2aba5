"""Finds what is wrong with a recorded backward pass: one finding per file. Free of torch."""

from __future__ import annotations

from .diagnosis import diagnose
from .finding import Finding, Severity
from .report import findings_to_json, format_findings

__all__ = ["Finding", "Severity", "diagnose", "findings_to_json", "format_findings"]
