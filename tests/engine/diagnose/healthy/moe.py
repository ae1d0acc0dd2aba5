"""A mixture of experts: the router's choice is discrete, its weights are differentiable."""

import torch
from torch import nn

torch.manual_seed(0)
router = nn.Linear(8, 4)
experts = nn.ModuleList(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8)) for _ in range(4))
optimizer = torch.optim.Adam([*router.parameters(), *experts.parameters()])
for _ in range(2):
    x = torch.randn(64, 8)
    share = router(x).softmax(dim=1)
    weight, chosen = share.topk(2, dim=1)
    out = torch.zeros_like(x)
    for number, expert in enumerate(experts):
        row, slot = (chosen == number).nonzero(as_tuple=True)
        out = out.index_add(0, row, expert(x[row]) * weight[row, slot, None])
    load = torch.bincount(chosen.flatten(), minlength=4) / chosen.numel()
    loss = nn.functional.mse_loss(out, x) + 0.01 * 4 * (load * share.mean(dim=0)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
