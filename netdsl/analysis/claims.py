"""What a paper or a reference says, held against what the network is."""

from __future__ import annotations

import re
from typing import Literal

from netdsl.analysis.connections import Connections
from netdsl.diagnostics import Collector, Diagnostic, Edit, Span
from netdsl.diagnostics.edits import write
from netdsl.graph.graph import Network
from netdsl.language import syntax
from netdsl.records import value_record

Verdict = Literal["holds", "fails", "wrong in print"]


@value_record()
class ClaimResult:
    """A claim and what became of it."""

    subject: str
    claimed: int | tuple[int, ...]
    measured: int | tuple[int, ...]
    verdict: Verdict
    why: str | None
    """Why the claim is known to be wrong in print."""


def verify_claims(spec: syntax.Spec, network: Network, found: Collector) -> tuple[ClaimResult, ...]:
    """Every claim of a spec with its verdict; one that fails is a fault."""
    results = []
    for claim in spec.claims:
        measured = _measure(claim, network, found)
        if measured is None:
            continue
        holds = claim.value == measured
        verdict: Verdict = "holds" if holds else "fails"
        if claim.wrong is not None:
            verdict = "wrong in print" if not holds else "fails"
        if verdict == "fails":
            found.add(_failure(claim, measured, spec.cite))
        results.append(ClaimResult(claim.subject, claim.value, measured, verdict, claim.wrong))
    return tuple(results)


def _failure(claim: syntax.Claim, measured: int | tuple[int, ...], cite: str | None) -> Diagnostic:
    said = f" ({cite})" if cite else ""
    if claim.wrong is not None:
        message = (
            f"the claim of {claim.subject} is marked as wrong in print, and is right: {_spell(measured)}"
        )
        help = "remove its `wrong:`"
        return Diagnostic(
            code="claim-holds", message=message, span=claim.span, help=help, fix=_without_why(claim.span)
        )
    message = (
        f"the claim{said} says {claim.subject} {_spell(claim.value)}, the network has {_spell(measured)}"
    )
    help = "mend the network; a figure known to be wrong in print is kept as `{value: …, wrong: why}`"
    return Diagnostic(code="claim-fails", message=message, span=claim.span, help=help)


def _without_why(value: Span) -> tuple[Edit, ...]:
    """A figure alone in the place of `{value: …, wrong: why}`."""
    text = value.source.text
    front = re.search(r"\{\s*value:\s*\Z", text[: value.start])
    behind = re.compile(r"\s*,\s*wrong:[^{}\n]*\}").match(text, value.end)
    if front is None or behind is None:
        return ()
    return write(Span(value.source, front.start(), behind.end()), value.text)


def _measure(claim: syntax.Claim, network: Network, found: Collector) -> int | tuple[int, ...] | None:
    """The figure that a claim speaks of."""
    if claim.subject == "params":
        return network.costs.params
    if claim.subject == "macs":
        return network.costs.macs
    if claim.subject == "neurons":
        return sum(node.output.elements for node in network.graph.nodes if node.name)
    if claim.subject == "connections":
        return Connections().of_network(network)
    kind, _, name = claim.subject.partition(".")
    stage = next((node for node in network.graph.nodes if node.name == name), None)
    if stage is None:
        stages = ", ".join(node.name for node in network.graph.nodes if node.name)
        message = f"the claim speaks of a stage `{name}` that the net does not have"
        found.add(
            Diagnostic(
                code="unknown-stage", message=message, span=claim.span, help=f"its stages are {stages}"
            )
        )
        return None
    if kind == "neurons":
        return stage.output.elements
    if kind == "connections":
        return Connections().of_node(network.graph, stage)
    return tuple(int(size) for size in stage.output.sizes)


def _spell(value: int | tuple[int, ...]) -> str:
    return f"{value:,}" if isinstance(value, int) else "×".join(map(str, value))
