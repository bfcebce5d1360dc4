"""The language server: an editor's requests → questions to a document, its answers → the protocol's.

Language Server Protocol 3.17, by pygls. Faults of a document are pushed with every change; everything else is
answered from the text as it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from netdsl.diagnostics import Diagnostic, Edit, Span
from netdsl.editor.document import EditorDocument, RenameRefused
from netdsl.editor.positions import offset_of, range_of
from netdsl.version import VERSION

PAUSE = 0.3
"""Seconds without a keystroke after which warnings are looked for: they take as long as the faults."""
SEVERITIES = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}


class SpecServer(LanguageServer):
    """A server with the documents that the editor has open."""

    def __init__(self) -> None:
        super().__init__("netdsl", VERSION, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.documents: dict[str, EditorDocument] = {}

    def read(self, uri: str) -> EditorDocument:
        """The document of an address, compiled as its text stands."""
        text = self.workspace.get_text_document(uri).source
        known = self.documents.get(uri)
        if known is None or known.source.text != text:
            known = self.documents[uri] = EditorDocument(to_fs_path(uri) or uri, text)
        return known

    async def publish(self, uri: str) -> None:
        """Tells the editor what is wrong with a document, and after a pause in typing what is not meant."""
        document = self.read(uri)
        self._tell(uri, document, document.faults)
        await asyncio.sleep(PAUSE)
        if self.documents.get(uri) is document and not document.faults and document.diagnostics:
            self._tell(uri, document, document.diagnostics)

    def _tell(self, uri: str, document: EditorDocument, found: Sequence[Diagnostic]) -> None:
        told = [as_protocol(diagnostic, document, uri) for diagnostic in found]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, told))


def make_server() -> SpecServer:
    """A server that answers every request of the protocol that netdsl has an answer to."""
    server = SpecServer()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        await server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        await server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.documents.pop(uri, None)
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        document = server.read(params.text_document.uri)
        text = document.hover(_offset(document, params.position))
        if text is None:
            return None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text))

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    def hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        document = server.read(params.text_document.uri)
        return [
            lsp.InlayHint(
                _range(Span(document.source, hint.offset, hint.offset)).start, hint.text, padding_left=True
            )
            for hint in document.hints()
        ]

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        document = server.read(params.text_document.uri)
        span = document.definition(_offset(document, params.position))
        return _location(span, document, params.text_document.uri) if span is not None else None

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        document = server.read(params.text_document.uri)
        spans = document.references(_offset(document, params.position))
        return [_location(span, document, params.text_document.uri) for span in spans]

    @server.feature(lsp.TEXT_DOCUMENT_RENAME)
    def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        document = server.read(params.text_document.uri)
        try:
            edits = document.rename(_offset(document, params.position), params.new_name)
        except RenameRefused as refused:
            server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, str(refused)))
            return None
        return lsp.WorkspaceEdit(changes={params.text_document.uri: list(map(_text_edit, edits))})

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
    )
    def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        document, uri = server.read(params.text_document.uri), params.text_document.uri
        start, end = _offset(document, params.range.start), _offset(document, params.range.end)
        return [
            lsp.CodeAction(
                fix.title,
                lsp.CodeActionKind.QuickFix,
                [as_protocol(fix.diagnostic, document, uri)],
                edit=lsp.WorkspaceEdit(changes={uri: list(map(_text_edit, fix.edits))}),
            )
            for fix in document.fixes(start, end)
        ]

    return server


def as_protocol(diagnostic: Diagnostic, document: EditorDocument, uri: str) -> lsp.Diagnostic:
    """A diagnostic as editors take it; one of an extended file stands at the document's beginning."""
    span, help = diagnostic.span, diagnostic.help
    is_here = span is not None and span.source is document.source
    message = diagnostic.message if is_here or span is None else f"{span.source.name}: {diagnostic.message}"
    return lsp.Diagnostic(
        range=_range(span if is_here and span is not None else document.source.whole()),
        severity=SEVERITIES[diagnostic.severity],
        code=diagnostic.code,
        source="netdsl",
        message=message + (f"\nhelp: {help}" if help else ""),
        related_information=[
            lsp.DiagnosticRelatedInformation(_location(label.span, document, uri), label.text)
            for label in (*diagnostic.labels, *diagnostic.trail)
        ],
    )


def _offset(document: EditorDocument, position: lsp.Position) -> int:
    return offset_of(document.source, (position.line, position.character))


def _range(span: Span) -> lsp.Range:
    start, end = range_of(span)
    return lsp.Range(lsp.Position(*start), lsp.Position(*end))


def _location(span: Span, document: EditorDocument, uri: str) -> lsp.Location:
    """A place in the document itself or in a file that it extends."""
    if span.source is document.source:
        return lsp.Location(uri, _range(span))
    path = Path(span.source.name).absolute()
    return lsp.Location(from_fs_path(str(path)) or f"file://{quote(str(path))}", _range(span))


def _text_edit(edit: Edit) -> lsp.TextEdit:
    return lsp.TextEdit(_range(edit.span), edit.replacement)
