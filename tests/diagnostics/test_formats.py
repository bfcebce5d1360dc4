"""What programs read of a diagnostic: JSON, GitHub's workflow commands, SARIF."""

import json

from netdsl.diagnostics import Diagnostic, Edit, Label, Source, Span
from netdsl.diagnostics.formats import as_github, as_json, as_sarif

SOURCE = Source("specs/my net,1.yaml", "name: a\nnet: relu +\n  é𝟙tanh\n")
PLACE = Span(SOURCE, SOURCE.text.index("relu"), SOURCE.text.index("tanh") + 4)
TANH = Span(SOURCE, SOURCE.text.index("tanh"), SOURCE.text.index("tanh") + 4)
FULL = Diagnostic(
    code="add-shapes",
    message="cannot add: 100% wrong",
    span=PLACE,
    labels=(Label(TANH, "this is 64×8×8"),),
    trail=(Label(TANH, "block `b`"),),
    notes=("a note",),
    help="write `id`",
    fix=(Edit(TANH, "id"),),
)
NOWHERE = Diagnostic(code="unknown-verb", message="no such verb", span=None, severity="warning")


def test_json_has_the_fields_that_others_rely_on() -> None:
    """Exactly these names; positions from 1, the end behind the last character."""
    assert as_json(FULL) == {
        "code": "add-shapes",
        "severity": "error",
        "message": "cannot add: 100% wrong",
        "file": "specs/my net,1.yaml",
        "line": 2,
        "column": 6,
        "end_line": 3,
        "end_column": 9,
        "notes": [
            "specs/my net,1.yaml:3:5: this is 64×8×8",
            "in block `b`, used at specs/my net,1.yaml:3:5",
            "a note",
        ],
        "help": "write `id`",
        "fix": [{"line": 3, "column": 5, "end_line": 3, "end_column": 9, "replacement": "id"}],
    }


def test_json_of_a_fault_without_a_place_has_nulls() -> None:
    """The same fields, so that a reader needs no second form."""
    found = as_json(NOWHERE)

    assert list(found) == list(as_json(FULL))
    assert [found[name] for name in ("file", "line", "column", "end_line", "end_column", "help", "fix")] == [
        None
    ] * 7
    assert found["notes"] == []


def test_json_positions_lead_back_to_the_text() -> None:
    """Line and column of the fix cut out what is to be replaced."""
    (edit,) = as_json(FULL)["fix"]
    line = SOURCE.text.splitlines()[edit["line"] - 1]

    assert line[edit["column"] - 1 : edit["end_column"] - 1] == "tanh"


def test_a_span_behind_the_end_stays_in_the_file() -> None:
    """The end of input is a position, never one past the last line."""
    end = len(SOURCE.text)
    found = as_json(Diagnostic(code="c", message="m", span=Span(SOURCE, end, end + 1)))

    assert (found["line"], found["column"]) == (found["end_line"], found["end_column"]) == (4, 1)


def test_github_commands_are_one_escaped_line() -> None:
    """A comma or colon in a file's name, a percent sign and line ends would end the command early."""
    assert as_github(FULL) == (
        "::error title=error[add-shapes],file=specs/my net%2C1.yaml,line=2,endLine=3,col=6::"
        "cannot add: 100%25 wrong%0Aspecs/my net,1.yaml:3:5: this is 64×8×8"
        "%0Ain block `b`, used at specs/my net,1.yaml:3:5%0Aa note%0Ahelp: write `id`"
    )
    assert as_github(NOWHERE) == "::warning title=warning[unknown-verb]::no such verb"


def test_a_message_cannot_smuggle_a_workflow_command() -> None:
    """GitHub reads every line that begins with `::`; what a spec's author wrote never begins one."""
    sly = Diagnostic(code="c", message="a\n::set-env name=X::y\r\n::stop", span=None, notes=("\x1b]0;b",))

    assert "\n" not in as_github(sly)
    assert "\r" not in as_github(sly)
    assert "\x1b" not in as_github(sly)


def test_sarif_is_a_log_as_the_standard_has_it() -> None:
    """What SARIF 2.1.0 requires: version, runs, a tool with a name, results with messages and known rules."""
    log = json.loads(
        json.dumps(as_sarif([FULL, NOWHERE, FULL], "1.2.3", {"add-shapes": "a", "unknown-verb": "b"}))
    )

    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("netdsl", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == ["add-shapes", "unknown-verb"]
    assert run["columnKind"] == "unicodeCodePoints"
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]


def test_sarif_places_are_addresses_and_regions() -> None:
    """A file's name becomes a URI; other places are related locations; the fix deletes and inserts."""
    (result,) = as_sarif([FULL], "1", {"add-shapes": "a"})["runs"][0]["results"]
    physical = result["locations"][0]["physicalLocation"]

    assert physical["artifactLocation"]["uri"] == "specs/my%20net%2C1.yaml"
    assert physical["region"] == {"startLine": 2, "startColumn": 6, "endLine": 3, "endColumn": 9}
    assert [other["message"]["text"] for other in result["relatedLocations"]] == [
        "this is 64×8×8",
        "in block `b`",
    ]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"]["text"] == "id"
    assert change["replacements"][0]["deletedRegion"]["startColumn"] == 5


def test_sarif_of_an_absolute_path_is_a_file_address() -> None:
    """Viewers open it as it is."""
    source = Source("/home/me/a.yaml", "x")
    (result,) = as_sarif([Diagnostic(code="c", message="m", span=source.whole())], "1", {"c": "d"})["runs"][
        0
    ]["results"]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///home/me/a.yaml"
