"""Reading a data set in whatever form a shop has it.

In: a folder, a ZIP or a table. Out: a `Manifest`. In the order of a reading: `source` finds what there is (`tables/`,
`folder_tables`, `loose` files), `rows` and `columns` say what it means, `cells` settle missing words and `labels/`,
`places/` finds the files, and `reader` makes products of it; `unused` names what was left, and `plan` sums it up.
"""
