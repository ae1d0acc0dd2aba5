"""engine.diagnose.report: findings as text and as JSON, made of sentences."""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn

from engine import trace
from engine.diagnose import diagnose, findings_to_json, format_findings

from .looking import deep, leaf


def test_text_and_json() -> None:
    w = leaf(-1.0)
    recorded = trace(lambda: w.log().sum())
    findings = diagnose(recorded)
    text = format_findings(recorded, findings)
    assert text.startswith("error: The first NaN comes from log")
    assert "Cure: " in text
    assert text.endswith("1 finding.")
    assert max(len(line) for line in text.splitlines()[1:]) <= 100
    document = json.loads(findings_to_json(recorded, findings))
    (entry,) = document["findings"]
    assert entry["kind"] == "nan-forward"
    assert entry["severity"] == "error"
    assert entry["file"].endswith(Path(__file__).name)
    assert isinstance(entry["line"], int)
    assert document["notes"] == []


def test_notes_are_no_findings_in_json() -> None:
    w = leaf(2.0)
    recorded = trace(lambda: (w * w.detach()).sum())
    document = json.loads(findings_to_json(recorded, diagnose(recorded)))
    assert document["findings"] == []
    assert [entry["severity"] for entry in document["notes"]] == ["note"]


def test_every_finding_is_made_of_sentences() -> None:
    w = leaf(1.0, -1.0)
    for recorded in (trace(lambda: w.log().sum()), trace(lambda: (w * 2).round().sum()), deep(nn.Sigmoid, 10, 1.0)):
        for finding in diagnose(recorded):
            assert finding.reason.endswith(".")
            assert finding.cure.endswith(".")
            assert 0 <= finding.node_id < len(recorded.graph.nodes)
            assert all(0 <= node < len(recorded.graph.nodes) for node in finding.related)
