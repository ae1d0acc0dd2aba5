"""Every backward pass of the program is seen once, and everything is put back."""

from __future__ import annotations

import torch
from torch.utils.checkpoint import checkpoint

from engine.training.hooks import AutogradHooks, BackwardCall


def test_each_call_is_seen_once_and_still_does_its_work() -> None:
    calls: list[BackwardCall] = []

    def watch(call: BackwardCall) -> None:
        calls.append(call)
        call.run()

    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with AutogradHooks(watch):
        (w * 3).sum().backward()
        (w * 2).backward(torch.ones(2))
        torch.autograd.backward([w.sum(), w.prod()])
    assert [len(call.tensors) for call in calls] == [1, 1, 2]
    assert w.grad is not None
    assert w.grad.tolist() == [3 + 2 + 1 + 2, 3 + 2 + 1 + 1]


def test_a_backward_inside_a_backward_is_no_step() -> None:
    calls = 0

    def watch(call: BackwardCall) -> None:
        nonlocal calls
        calls += 1
        call.run()

    w = torch.ones(2, requires_grad=True)
    with AutogradHooks(watch):
        checkpoint(torch.sin, w, use_reentrant=True).sum().backward()
    assert calls == 1
    torch.testing.assert_close(w.grad, torch.cos(torch.ones(2)))


def test_optimizer_steps_and_autograd_grad_are_noticed() -> None:
    rates: list[float] = []
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.25)
    with AutogradHooks(lambda call: call.run(), lambda o: rates.append(o.param_groups[0]["lr"])) as hooks:
        w.sum().backward()
        optimizer.step()
        assert not hooks.used_autograd_grad
        torch.autograd.grad(w.sum(), w)
        assert hooks.used_autograd_grad
    optimizer.step()
    assert rates == [0.25]


def test_everything_is_put_back_and_kept_references_go_straight_through() -> None:
    before = torch.autograd.backward, torch.autograd.grad
    calls: list[BackwardCall] = []
    hooks = AutogradHooks(calls.append)
    hooks.install()
    kept = torch.autograd.backward
    hooks.remove()
    hooks.remove()
    assert (torch.autograd.backward, torch.autograd.grad) == before
    w = torch.ones(2, requires_grad=True)
    kept([w.sum()])
    assert calls == []
    assert w.grad is not None
