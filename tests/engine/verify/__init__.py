"""Tests of engine.verify."""
