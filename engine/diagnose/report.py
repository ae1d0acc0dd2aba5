"""Findings as text for a terminal and as JSON for machines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import msgspec

from ..graph.trace import Trace
from .finding import Finding
from .words import called

WIDTH = 100


def format_findings(trace: Trace, findings: Sequence[Finding]) -> str:
    """The findings as paragraphs: severity and title, then why, then what to do."""
    if not findings:
        unseen = " It was recorded without values: NaNs and sizes were not looked at." if trace.values == "none" else ""
        return f"{trace.target or 'The program'}: nothing to complain about.{unseen}"
    parts = []
    for finding in findings:
        body = [
            textwrap.fill(text, WIDTH, initial_indent=f"    {head} ", subsequent_indent=" " * 10)
            for head, text in (("Why: ", finding.reason), ("Cure:", finding.cure))
        ]
        parts.append("\n".join([f"{finding.severity}: {finding.title}", *body]))
    notes = sum(finding.severity == "note" for finding in findings)
    counts = [(len(findings) - notes, "finding"), (notes, "note")]
    parts.append(", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count) + ".")
    return "\n\n".join(parts)


def findings_to_json(trace: Trace, findings: Sequence[Finding]) -> str:
    """A JSON document: the target, the findings, and apart from them the notes; per entry also node, file and line."""
    entries: dict[bool, list[dict[str, object]]] = {False: [], True: []}
    for finding in findings:
        node = trace.graph.nodes[finding.node_id]
        entry = msgspec.to_builtins(finding)
        entry |= {
            "node": called(node),
            "file": node.source.file if node.source else None,
            "line": node.source.line if node.source else None,
        }
        entries[finding.severity == "note"].append(entry)
    text = msgspec.json.encode({"target": trace.target, "findings": entries[False], "notes": entries[True]})
    return msgspec.json.format(text, indent=2).decode()
