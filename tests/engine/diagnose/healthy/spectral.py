"""Layers under spectral normalisation, by parametrization and by the older hook."""

import warnings

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

torch.manual_seed(0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    older = nn.utils.spectral_norm(nn.Linear(8, 8))
net = nn.Sequential(spectral_norm(nn.Linear(4, 8)), nn.LeakyReLU(), older, nn.LeakyReLU(), nn.Linear(8, 1))
x, y = torch.randn(16, 4), torch.randn(16, 1)
for _ in range(2):
    loss = nn.functional.mse_loss(net(x), y)
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
