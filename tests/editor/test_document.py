"""What an editor is told of a text: figures, places, edits."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.diagnostics.fixes import apply
from netdsl.editor.document import EditorDocument, RenameRefused
from netdsl.specs import shipped_folder, shipped_specs

TEXT = """\
name: net
input: [3, 32, 32]
params: {classes: 10, wide: 16}
blocks:
  conv_relu(c, k=3): conv(c, k, padding=k//2) -> relu
  stage(c): conv_relu(c) -> maxpool(2)
net:
  stem: conv_relu(wide)
  body: stage(wide) -> stage(2*wide)
  join: id | (from(stem) -> avgpool(4) -> conv_relu(8))
  head: global_avgpool -> flatten -> linear(classes)
heads:
  side: {at: body, weight: 0.5, net: flatten}
claims:
  params: 8_978
  shapes: {stem: [16, 32, 32], head: [10]}
train:
  optimizer: sgd(lr=wide/1000)
"""


@pytest.fixture(scope="module")
def document() -> EditorDocument:
    made = EditorDocument("net.yaml", TEXT)
    assert made.compilation.report.ok, made.compilation.report.diagnostics
    return made


def place(before: str, text: str = TEXT) -> int:
    """The character behind some text."""
    return text.index(before) + len(before)


def test_hovering_a_layer_tells_its_shapes_at_every_use(document: EditorDocument) -> None:
    text = document.hover(place("conv_relu(c, k=3): "))
    assert text is not None
    assert "`conv(16, 3, padding=1)`  \n3×32×32 → 16×32×32  \n448 parameters  \n442,368 MACs" in text
    assert "`conv(32, 3, padding=1)`  \n16×16×16 → 32×16×16" in text
    assert text.count("`conv(") == 4
    assert text.endswith("Convolution over the spatial axes.") or "onvolution" in text.rsplit("\n\n", 1)[1]


def test_hovering_a_block_tells_what_its_use_costs(document: EditorDocument) -> None:
    assert (
        document.hover(place("  body: "))
        == "`stage`  \n16×32×32 → 16×16×16  \n2,320 parameters  \n2,359,296 MACs"
    )


def test_hovering_nothing_tells_nothing(document: EditorDocument) -> None:
    assert document.hover(place("name: ")) is None


def test_every_stage_has_a_hint_at_the_end_of_its_line(document: EditorDocument) -> None:
    hints = {TEXT.count("\n", 0, hint.offset) + 1: hint.text for hint in document.hints()}
    assert hints == {
        8: "→ 16×32×32 · 448",
        9: "→ 32×8×8 · 6,960",
        10: "→ 40×8×8 · 1,160",
        11: "→ 10 · 410",
        13: "→ 2048",
    }
    assert all(TEXT[hint.offset] == "\n" for hint in document.hints())


@pytest.mark.parametrize(
    ("use", "declaration"),
    [
        ("body: sta", "  stage(c)"),
        ("stage(c): conv_r", "  conv_relu(c, k"),
        ("(c) -> maxpool", None),
        ("conv(c, k, pad", None),
        ("conv(c, ", "conv_relu(c, k"),
        ("padding=", "conv_relu(c, k"),
        ("linear(class", "{classes"),
        ("from(st", "  stem"),
        ("{at: bo", "  body"),
        ("shapes: {st", "  stem"),
        ("lr=wi", "wide: 16"[:4]),
    ],
)
def test_a_name_leads_to_its_declaration(document: EditorDocument, use: str, declaration: str | None) -> None:
    found = document.definition(place(use))
    if declaration is None:
        assert found is None
    else:
        assert found is not None
        line_begin = TEXT.rfind("\n", 0, found.start) + 1
        assert TEXT[line_begin:].startswith(
            TEXT[TEXT.rfind("\n", 0, TEXT.index(declaration)) + 1 :][:20]
        ) or (found.text in declaration)


def renamed(document: EditorDocument, before: str, name: str) -> str:
    return apply(document.source, document.rename(place(before), name))


def test_renaming_a_block_renames_every_use(document: EditorDocument) -> None:
    assert renamed(document, "stem: conv_r", "unit") == TEXT.replace("conv_relu", "unit")


def test_renaming_a_parameter_reaches_the_recipe(document: EditorDocument) -> None:
    expected = TEXT.replace("wide", "width")
    assert renamed(document, "conv_relu(wi", "width") == expected


def test_renaming_a_stage_reaches_recalls_heads_and_claims(document: EditorDocument) -> None:
    assert renamed(document, "  ste", "root") == TEXT.replace("stem", "root")
    assert renamed(document, "at: bo", "trunk") == TEXT.replace("body", "trunk")


def test_renaming_a_blocks_own_parameter_stays_in_the_block(document: EditorDocument) -> None:
    expected = TEXT.replace(
        "conv_relu(c, k=3): conv(c, k, padding=k//2)", "conv_relu(c, size=3): conv(c, size, padding=size//2)"
    )
    assert renamed(document, "conv_relu(c, ", "size") == expected


@pytest.mark.parametrize(
    ("before", "name", "why"),
    [
        ("body: sta", "conv_relu", "conv_relu"),
        ("body: sta", "2nd", "is no name"),
        ("body: sta", "a b", "is no name"),
        ("  ste", "body", "body"),
        ("conv_relu(c, ", "c", "c"),
        ("name: n", "other", "no name that the spec declares"),
    ],
)
def test_a_name_that_is_taken_or_none_is_refused(
    document: EditorDocument, before: str, name: str, why: str
) -> None:
    with pytest.raises(RenameRefused, match=why):
        document.rename(place(before), name)


def test_a_name_of_an_extended_file_is_not_renamed_here(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(TEXT.replace("claims:\n  params: 8_978\n", "claims:\n"), "utf-8")
    text = "extends: base.yaml\nparams: {wide: 8}\nclaims: {shapes: {stem: [8, 32, 32]}}\nname: other\n"
    document = EditorDocument(str(tmp_path / "other.yaml"), text)
    assert document.compilation.report.ok, document.compilation.report.diagnostics
    with pytest.raises(RenameRefused, match="a file that this one extends"):
        document.rename(text.index("wide") + 1, "width")


def test_fixes_are_offered_where_the_diagnostic_is() -> None:
    text = "name: n\ninput: [3, 8, 8]\nnet: cnov(3, 3) -> rleu\n"
    document = EditorDocument("n.yaml", text)
    (fix,) = document.fixes(text.index("cnov"), text.index("cnov"))
    assert (fix.title, apply(document.source, fix.edits)) == (
        "did you mean `conv`?",
        text.replace("cnov", "conv"),
    )
    assert len(list(document.fixes(0, len(text)))) == 2


def test_warnings_are_told_once_nothing_is_wrong() -> None:
    document = EditorDocument("n.yaml", "name: n\ninput: [3, 8, 8]\nnet: conv(3, 3) -> batchnorm\n")
    assert [found.code for found in document.diagnostics] == ["bias-before-norm"]


@pytest.mark.parametrize("name", shipped_specs())
def test_every_name_of_a_shipped_spec_can_be_looked_up_and_renamed(name: str) -> None:
    """What `x = declared somewhere` means stays the same when every name of the text is another."""
    path = shipped_folder() / f"{name}.yaml"
    document = EditorDocument(str(path), path.read_text("utf-8"))
    own = {one.declaration for one in document.names if one.declaration.source is document.source}
    for declaration in sorted(own, key=lambda span: span.start)[::3]:
        if any(span.source is not document.source for span in document.references(declaration.start)):
            continue
        document.rename(declaration.start, "another_name")


def test_a_broken_text_answers_nothing_but_its_faults() -> None:
    document = EditorDocument("n.yaml", "name: [\n")
    assert document.diagnostics
    assert document.hover(3) is None
    assert document.definition(3) is None
    assert list(document.hints()) == []
