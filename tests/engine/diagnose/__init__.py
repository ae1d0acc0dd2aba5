"""Tests of engine.diagnose."""
