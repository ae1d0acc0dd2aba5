"""Tests of engine.edits."""
