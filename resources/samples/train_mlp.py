"""Train a small network to tell two spirals apart. An ordinary PyTorch script."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def spirals(points_per_arm: int) -> tuple[Tensor, Tensor]:
    """Two interleaved spirals in the plane: positions of shape (2 n, 2) and the arm, 0 or 1, of each point."""
    radius = torch.linspace(0.1, 1.0, points_per_arm)
    positions, labels = [], []
    for arm in range(2):
        angle = 5.0 * radius + torch.pi * arm + 0.1 * torch.randn(points_per_arm)
        positions.append(torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        labels.append(torch.full((points_per_arm,), arm))
    return torch.cat(positions), torch.cat(labels)


class Classifier(nn.Module):
    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


def main() -> None:
    torch.manual_seed(0)
    data = TensorDataset(*spirals(points_per_arm=320))
    loader = DataLoader(data, batch_size=64, shuffle=True)

    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    for epoch in range(30):
        right = 0
        for x, label in loader:
            logits = model(x)
            loss = F.cross_entropy(logits, label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right += int((logits.argmax(dim=1) == label).sum())
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d}  loss {loss.item():.4f}  accuracy {right / len(data):.1%}")


if __name__ == "__main__":
    main()
