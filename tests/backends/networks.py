"""Specs that each need something particular of the printer, and what the tests do with a spec's text."""

from __future__ import annotations

from netdsl.backends.python_source import print_source
from netdsl.compiler import compile_source, network_of
from netdsl.diagnostics import Source
from netdsl.graph.graph import Network

SPECS = {
    "unet": """
name: unet
input: [1, 16, 16]
params: {width: 4, classes: 2}
blocks:
  double(c): (conv(c, 3, padding=1, bias=false) -> batchnorm -> relu) * 2
net:
  enc1: double(width)
  enc2: maxpool(2) -> double(2*width)
  bottom: maxpool(2) -> double(4*width)
  up2: (conv_transpose(2*width, 2, stride=2) | from(enc2)) -> double(2*width)
  up1: (conv_transpose(width, 2, stride=2) | from(enc1)) -> double(width)
  head: conv(classes, 1)
""",
    "siamese": """
name: siamese
input: {left: [3, 8, 8], right: [3, 8, 8]}
shared:
  tower: conv(8, 3) -> relu -> global_avgpool -> flatten
net:
  a: from(left) -> tower
  b: from(right) -> tower
  join: from(a) | from(b)
  head: linear(2)
""",
    "shared": """
name: shared_in_blocks
input: [4, 8, 8]
blocks:
  mix(c): conv(c, 1) -> core -> relu
  wrap(c): x + (mix(c) -> mix(c))
shared:
  core: conv(4, 3, padding=1)
net:
  one: wrap(4)
  two: (mix(4) -> conv(4, 1)) * 2
  three: concat(core, mix(4), x)
  four: conv(4, 1) -> core
""",
    "captures": """
name: captures
input: [4, 8, 8]
net:
  stem: conv(4, 3, padding=1)
  body: ((conv(4, 3, padding=1) -> relu) + x) * 3
  later: (conv(4, 1) + from(stem)) * 2
  other: (conv(4, 1) | from(stem) | x) -> conv(4, 1)
  fanned: concat((conv(n, 1) -> relu) | from(body) for n in (2, 3))
""",
    "steps": """
name: steps
input: [3, 8, 8]
blocks:
  cell(c):
    left: conv(c, 3, padding=1) -> relu
    right: conv(c, 1) + from(left)
    out: from(left) * (from(right) -> sigmoid)
    last: x | from(out)
net:
  one: cell(4)
  two: cell(8)
""",
    "choices": """
name: choices
input: [4, 16, 16]
params: {deep: true}
blocks:
  shortcut(c, s): x if s == 1 and x.c == c else conv(c, 1, stride=s)
  residual(c, s): shortcut(c, s) + conv(c, 3, padding=1, stride=s) -> relu -> conv(c, 1)
  down(c, s=1):
    (conv(c, 3, padding=1) -> maxpool(2) -> relu) if s == 2 else (conv(c, 3, padding=1) -> batchnorm)
  nested(c): ((conv(c, 1) if c > 8 else relu) if c > 4 else conv(c, 3, padding=1)) -> relu
  drop(c, p=0): conv(c, 1) -> (dropout(p) if p > 0 else id)
net:
  a: residual(4, 1) -> residual(8, 2) -> residual(8, 1)
  b: down(4) -> down(4, 2)
  c: nested(4) -> nested(6)
  d: drop(8) -> drop(8, 0.1)
  e: conv(8, 1) if deep else id
""",
    "layers": """
name: layers
input: [4, 8, 8]
params: {act: relu6}
blocks:
  unit(c, k=3, act=relu): conv(c, k, padding=k//2) -> batchnorm -> act
  twice(c, act=hardswish): unit(c, act=act) -> unit(c, k=1, act=act) -> act
  after(f): conv(4, 1) -> f -> f
net:
  a: unit(8) -> unit(8, act=hardswish) -> unit(8, act=leaky_relu(0.1))
  b: twice(8) -> twice(8, act=silu)
  c: after(batchnorm) -> after(conv(3, 3, padding=1) -> relu) -> after(prelu)
  d: act -> twice(4, act)
""",
    "growing": """
name: growing
input: [8, 8, 8]
params: {growth: 4, depth: 3, m: 2}
blocks:
  dense(k): x | (batchnorm -> relu -> conv(k, 3, padding=1))
  block(n, k): dense(k) * n
  double: conv(2*x.c, 1)
net:
  one: block(3, 4) -> block(2, 8) -> conv(8, 1)
  two: dense(growth) * depth -> conv(8, 1)
  three: double * 3
  four: conv(4, 1) -> (conv(x.c, 1) -> (conv(4, 1) | x)) * m
""",
    "fans": """
name: fans
input: [6, 12, 12]
params: {table: [[0, 1, 2], [1, 2, 3], [3, 4, 5]]}
net:
  c3: concat(channels(g) -> conv(2, 3, padding=1) for g in table)
  sums: add(conv(4, k, padding=k//2) for k in (1, 3, 5))
  gates: mul(conv(4, 1) -> sigmoid for k in (1, 3))
  differences: sub(conv(4, 1) for k in range(3))
  many: concat(conv(2, 1) for k in range(4)) -> relu -> concat(conv(2, 1) for k in range(2))
""",
    "heads": """
name: heads
input: [3, 16, 16]
params: {classes: 5}
net:
  stem: conv(8, 3) -> relu
  body: conv(8, 3) -> relu
  head: global_avgpool -> flatten -> linear(classes)
heads:
  aux: {at: stem, weight: 0.3, net: global_avgpool -> flatten -> linear(classes)}
  embedding: {at: body, keep: true, net: global_avgpool -> flatten}
""",
    "several_outputs": """
name: several_outputs
input: {left: [4], right: [6]}
shared: {common: linear(5), classes: linear(3)}
net:
  left_hidden: from(left) -> linear(7) -> relu
  left_code: common
  right_hidden: from(right) -> linear(7) -> relu
  right_code: common
heads:
  left: {at: left_code, keep: true, net: id}
  left_class: {at: left_code, keep: true, net: classes}
  right_class: {at: right_code, net: classes}
""",
    "ranks": """
name: ranks
input: [1, 6, 9, 9]
blocks:
  unit(c, s=1): conv(c, 3, padding=1, stride=s) -> batchnorm -> relu
net:
  a: unit(2) -> unit(4)
  b: rearrange("c d h w -> (c d) h w") -> unit(4) -> unit(8, 2)
  c: id
""",
    "names": """
name: sequential
about: 'A "quoted" \\ back slash, three of them: \"\"\"'
input: [4, 10]
params: {int: 3, l: 2, torch: 8}
blocks:
  list(super): conv(super, 1) -> relu
  concat1d(F): conv(F, 1) | x
net:
  outputs: conv(torch, int, padding=1) -> list(4)
  lambda_: from(outputs) | list(l)
  range: concat1d(6) + conv(12, 1)
  kwargs: from(range) | from(lambda_)
""",
}
"""Text of the specs by what they are about."""


def network(text: str, **settings: str) -> Network:
    """The network of a spec that is right."""
    return network_of(compile_source(Source("test.yaml", text), settings))


def printed(text: str, **settings: str) -> str:
    """The source of a spec that is right."""
    return print_source(network(text, **settings))
