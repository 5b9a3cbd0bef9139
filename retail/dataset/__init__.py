"""Reading a data set: its table, columns, labels, files and problems.

In: a folder, a ZIP or a table. Out: a `Manifest`.
"""
