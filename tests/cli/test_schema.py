"""The schema takes every spec that is right and refuses forms that are wrong."""

import json
import re

import jsonschema
import pytest
import yaml

from netdsl.analysis.prelude import prelude
from netdsl.cli.json_schema import schema
from netdsl.cli.main import main
from netdsl.language.document import ABOUT
from netdsl.layers.catalog import LAYERS_BY_WORD
from netdsl.specs import shipped_folder, shipped_specs
from tests.cases.reading import Case
from tests.cases.test_cases import REFERENCE, RIGHT

VALIDATOR = jsonschema.Draft7Validator(schema())
NET = "name: net\ninput: [3, 8, 8]\n"


def faults(text: str) -> list[str]:
    """What the schema says of a spec, read as editors read YAML."""
    return [error.message for error in VALIDATOR.iter_errors(yaml.load(text, Loader=yaml.CSafeLoader))]


def test_the_schema_is_one() -> None:
    """Of draft 7, which editors read."""
    jsonschema.Draft7Validator.check_schema(schema())


def test_the_verb_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, with nothing else."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()


@pytest.mark.parametrize("name", shipped_specs())
def test_a_shipped_spec_is_valid(name: str) -> None:
    """Whatever it extends."""
    assert faults((shipped_folder() / f"{name}.yaml").read_text("utf-8")) == []


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_a_right_case_is_valid(case: Case) -> None:
    """All that the reference shows, in every form of YAML."""
    assert faults(case.text) == []


@pytest.mark.parametrize(
    "text",
    [
        "name: net\nnet: relu\n",
        "input: [3, 8, 8]\nnet: relu\n",
        NET,
        NET + "net: relu\nlayers: relu\n",
        NET + "net: []\nname: 3\n",
        "name: my-net\ninput: [3, 8, 8]\nnet: relu\n",
        "name: net\ninput: 3\nnet: relu\n",
        "name: net\ninput: [1, 2, 3, 4, 5]\nnet: relu\n",
        NET + "net:\n  my-stage: relu\n",
        NET + "net:\n  add: [relu]\n  other: relu\n",
        NET + "net:\n  add: relu\n",
        NET + "blocks:\n  3x(c): relu\nnet: relu\n",
        NET + "blocks: relu\nnet: relu\n",
        NET + "shared:\n  f(c): relu\nnet: relu\n",
        NET + "net: relu\nheads:\n  a: {net: relu}\n",
        NET + "net: relu\nheads:\n  a: {at: stem, net: relu, wieght: 1}\n",
        NET + "net: relu\nclaims: {params: many}\n",
        NET + "net: relu\nclaims: {flops: 3}\n",
        NET + "net: relu\nclaims: {params: {wrong: why}}\n",
        NET + "net: relu\nclaims: {shapes: {stem: 3}}\n",
        NET + "net: relu\ntrain: {epoch: 3}\n",
        NET + "net: relu\ntrain: {data: cifar1}\n",
        NET + "net: relu\ntrain: {data: [mnist, cifar1]}\n",
        NET + "net: relu\ntrain: {optimizer: sdg(lr=0.1)}\n",
        NET + "net: relu\ntrain: {augment: flip}\n",
        NET + "net: relu\ntrain: {schedule: [step, cosine]}\n",
        NET + "net: relu\ntrain: {precision: fp8}\n",
        "- relu\n",
    ],
)
def test_a_wrong_form_is_not(text: str) -> None:
    """Keys that are unknown, missing or misspelt, values of another kind, words that no recipe has."""
    assert faults(text)


def test_every_key_says_what_it_is_as_the_reference_does() -> None:
    """What an editor shows stands in the reference's table of keys, in the same order."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \|$", REFERENCE.read_text("utf-8"), re.MULTILINE)

    assert dict(rows) == ABOUT
    assert [key for key, _ in rows] == list(ABOUT) == list(schema()["properties"])


def test_layers_and_blocks_complete() -> None:
    """Each by a call of it that names what must be given."""
    snippets = schema()["definitions"]["body"]["anyOf"][0]["defaultSnippets"]
    bodies = {snippet["label"].partition("(")[0]: snippet["body"] for snippet in snippets}

    assert set(bodies) == {*LAYERS_BY_WORD, *(block.name for block in prelude())}
    assert bodies["conv"] == "conv(${1:out_channels}, ${2:kernel_size})"
    assert bodies["relu"] == "relu"
    assert bodies["residual"] == "residual(${1:f})"
    assert all(snippet["description"] for snippet in snippets)
