"""torch's own averaged model, which is evaluated beside the training."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, 1))
averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))
optimizer = torch.optim.NAdam(net.parameters())
for _ in range(3):
    x = torch.randn(16, 4)
    with torch.no_grad():
        steady = averaged(x)
    out = net(x)
    loss = nn.functional.mse_loss(out, x.sum(dim=1, keepdim=True)) + 0.1 * nn.functional.mse_loss(out, steady)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    averaged.update_parameters(net)
