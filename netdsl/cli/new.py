"""Begin a spec: a small network that works, with a recipe, or a variant of a shipped one."""

from __future__ import annotations

import argparse
from pathlib import Path

from netdsl.cli.arguments import Parser
from netdsl.diagnostics import fault
from netdsl.specs import find_spec

SMALL = """\
# Checked by `netdsl check {file}`, drawn by `netdsl show {file}`, trained by `netdsl train {file}`.
name: {name}
about: what it is, and where it comes from
input: [1, 28, 28] # channels, height, width
params: {{classes: 10, width: 16}} # netdsl check {file} --set width=32

blocks:
  conv_bn(c, s=1): conv(c, 3, stride=s, padding=1, bias=false) -> batchnorm
  residual(c, s=1): # x is what enters the block
    (conv_bn(c, s) -> relu -> conv_bn(c)) + (x if s == 1 and x.c == c else conv_bn(c, s)) -> relu

net:
  stem: conv_bn(width) -> relu -> maxpool(2)
  body: (residual(width * 2**i, 1 if i == 0 else 2) for i in range(3))
  head: global_avgpool -> flatten -> linear(classes)

train:
  data: [mnist, digits] # the first that is there or can be fetched; the digits are embedded
  augment: random_crop(28, padding=2)
  batch: 64
  epochs: 5
  optimizer: adamw(lr=2e-3)
  schedule: cosine(warmup=1)
"""
"""A spec with a block, a choice, a loop and a recipe: one of each thing to vary."""

LIKE = """\
name: {name}
about: {like} with changes of my own
extends: {like}

params: {{}} # `netdsl check {like}` and its file say which there are
"""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("name", metavar="NAME", help="the network's name; the file is NAME.yaml")
    parser.add_argument("--like", metavar="SPEC", help="a shipped spec, which the new one extends")


def run(options: argparse.Namespace) -> int:
    """Writes the file, which must not be there yet."""
    name = options.name.removesuffix(".yaml")
    if not (name.isidentifier() and name.isascii()):
        message = f"`{name}` is no name of a network"
        raise fault("new-name", message, help="write letters, digits and _, such as `netdsl new my_net`")
    path = Path(f"{name}.yaml")
    if options.like is not None:
        find_spec(options.like)
    text = SMALL if options.like is None else LIKE
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text.format(name=name, file=path, like=options.like))
    except FileExistsError:
        message = f"`{path}` is there already"
        raise fault("new-name", message, help="take another name; nothing is overwritten") from None
    except OSError as error:
        message = f"`{path}` cannot be written: {(error.strerror or str(error)).lower()}"
        raise fault("unwritable-file", message, help="go to a folder that is yours") from None
    print(f"{path}: try `netdsl check {path}` and `netdsl train {path}`")
    return 0
