"""Small specs on the embedded digits, which train in a fraction of a second."""

from pathlib import Path

SMALL = """
name: small
input: [1, 8, 8]
params: {width: 4, act: relu, kernel: 3}
net:
  body: conv(width, kernel, padding=1) -> act -> maxpool(2)
  head: flatten -> linear(10)
train:
  data: digits
  batch: 64
  epochs: 2
  optimizer: adam(lr=1e-2)
"""

OTHER = """
name: other
input: [1, 8, 8]
params: {width: 8}
net: flatten -> linear(width) -> relu -> linear(10)
train: {data: digits, epochs: 1, optimizer: "sgd(lr=0.1, momentum=0.9)"}
"""


def write_specs(folder: Path) -> tuple[str, str]:
    """Both in a folder; their paths."""
    small, other = folder / "small.yaml", folder / "other.yaml"
    small.write_text(SMALL)
    other.write_text(OTHER)
    return str(small), str(other)
