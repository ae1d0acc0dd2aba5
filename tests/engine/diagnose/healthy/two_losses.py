"""Two heads, whose losses are propagated one after the other before the optimizer takes its step."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
trunk, value_head, class_head = nn.Linear(4, 8), nn.Linear(8, 1), nn.Linear(8, 3)
parameters = [*trunk.parameters(), *value_head.parameters(), *class_head.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1)
for _ in range(3):
    features = trunk(torch.randn(8, 4)).relu()
    value_loss = F.mse_loss(value_head(features), torch.zeros(8, 1))
    class_loss = F.cross_entropy(class_head(features), torch.randint(3, (8,)))
    optimizer.zero_grad()
    value_loss.backward(retain_graph=True)
    class_loss.backward()
    optimizer.step()
