"""Reads results and nothing else: verdict, findings, tables, CSV, LaTeX and HTML.

In: results. Out: sentences, `Table`s and files.
"""
