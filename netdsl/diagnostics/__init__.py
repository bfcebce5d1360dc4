"""Faults of a spec: their places, their catalogue and how they are drawn."""

from netdsl.diagnostics.diagnostic import MOST_FAULTS as MOST_FAULTS
from netdsl.diagnostics.diagnostic import Collector as Collector
from netdsl.diagnostics.diagnostic import Diagnostic as Diagnostic
from netdsl.diagnostics.diagnostic import Edit as Edit
from netdsl.diagnostics.diagnostic import Faults as Faults
from netdsl.diagnostics.diagnostic import Label as Label
from netdsl.diagnostics.diagnostic import Severity as Severity
from netdsl.diagnostics.diagnostic import TooManyFaults as TooManyFaults
from netdsl.diagnostics.diagnostic import fault as fault
from netdsl.diagnostics.source import Source as Source
from netdsl.diagnostics.source import Span as Span
from netdsl.diagnostics.suggest import did_you_mean as did_you_mean
from netdsl.diagnostics.suggest import nearest as nearest
