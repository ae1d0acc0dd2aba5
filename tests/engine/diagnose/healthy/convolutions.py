"""A convolutional network with in-place activations; the gradients are emptied after the step."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1),
    nn.BatchNorm2d(8),
    nn.ReLU(inplace=True),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3),
    nn.ReLU(inplace=True),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Dropout(),
    nn.Linear(16, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

for _ in range(3):
    images, label = torch.randn(8, 3, 16, 16), torch.randint(10, (8,))
    loss = nn.functional.cross_entropy(model(images), label, label_smoothing=0.1)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
