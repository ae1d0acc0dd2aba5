"""Formulas of torch's derivatives as people read them."""

from __future__ import annotations

import pytest

from engine.rules.derivatives import load_table
from engine.rules.readable import readable


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("mul_tensor_backward(grad, other, self.scalar_type())", "grad * other"),
        ("div_tensor_self_backward(grad, other, self.scalar_type())", "grad / other"),
        ("div_tensor_other_backward(grad, self, other)", "-grad * self / (other * other)"),
        ("handle_r_to_c(other.scalar_type(), maybe_multiply(grad, alpha.conj()))", "grad * alpha"),
        ("grad.reshape_symint(self.sym_sizes())", "grad.reshape(self.sizes())"),
        (
            "self.is_complex() ? grad * self.conj() : grad * (self * self - 1).rsqrt()",
            "grad * (self * self - 1).rsqrt()",
        ),
        ("maybe_multiply(a + b, c)", "(a + b) * c"),
        ("-maybe_multiply(a, b)", "-(a * b)"),
        ("grad.defined() ? f(grad, self) : std::tuple<Tensor, Tensor>()", "f(grad, self)"),
        ("broken(grad", "broken(grad"),
    ],
)
def test_readable(formula: str, text: str) -> None:
    assert readable(formula) == text


def test_table_covers_torchs_nodes_without_cpp_decoration() -> None:
    table = load_table()
    assert len(table.nodes) > 600
    texts = [formula for derivative in table.nodes.values() for _, formula in derivative.gradients]
    assert not [text for text in texts if "sym_" in text or ".conj()" in text or "handle_r_to_c" in text]
    assert all(derivative.schema.count("->") >= 1 for derivative in table.nodes.values())
