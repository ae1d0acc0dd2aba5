"""Finds what is wrong with a recorded backward pass: one finding per file. Free of torch."""
