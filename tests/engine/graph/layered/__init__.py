"""Tests of the layered layout's parts."""
