"""Runs that look at data alone: embeddings for later, and the audit.

In: an `EmbedRequest` or an `AuditRequest`. Out: embeddings in the cache, or findings.
"""

from __future__ import annotations

import time

from retail.audit import audit as find_leaks
from retail.cluster import parts_of, spread, store_place
from retail.cluster.embedding import Embedding
from retail.encoders import load_preset
from retail.report.audit_tables import audit_tables, audit_text
from retail.report.files import write_tables
from retail.schema import MODALITIES
from retail.store import EmbeddingStore, embed_products
from retail.workspace.execution.outcome import Follower, Outcome, note_reading, read_data
from retail.workspace.requests import AuditRequest, EmbedRequest


def run(request: AuditRequest | EmbedRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    return audit(request, follower) if isinstance(request, AuditRequest) else embed(request, follower)


def embed(request: EmbedRequest, follower: Follower) -> Outcome:
    """Fills the cache, so that later runs start at once."""
    manifest = read_data(request.data, None, request.text_column, follower)
    note_reading(request.encoders, MODALITIES, manifest, follower)
    parts = parts_of(manifest.products)
    work = Embedding(request.encoders, store_place(request.spread), many=len(parts) > 1)
    started, done, computed = time.perf_counter(), 0, 0
    for found in spread(lambda: work, work.ready, parts, request.spread, follower if len(parts) == 1 else None):
        done, computed = done + found.products, computed + found.computed
        for note in found.notes:
            follower.note(str(note))
        if len(parts) > 1:
            follower("Encoding products", done, len(manifest.products))
    seconds = time.perf_counter() - started
    rate = len(manifest.products) / max(seconds, 1e-9)
    return Outcome(
        f"{len(manifest.products)} products, {computed} embeddings computed in {seconds:.1f} s ({rate:.1f} products/s)."
    )


def audit(request: AuditRequest, follower: Follower) -> Outcome:
    """Six kinds of leak, each finding with its products."""
    manifest = read_data(request.data, request.tasks or None, request.text_column, follower, request.group)
    embedded = None
    if request.encoders != "none":
        loaded = load_preset(request.encoders)
        embedded, _ = embed_products(manifest.products, loaded, {}, EmbeddingStore(), follower)
    report = find_leaks(manifest, embedded, follower)
    if request.out is not None:
        report.write(request.out)
    return Outcome(audit_text(report), tuple(write_tables(audit_tables(report), request.csv_folder)))
