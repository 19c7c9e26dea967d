"""What a paper's data section says of a dataset: counts, columns, shapes, means, leakage.

Owns: splits and classes by paths (`layout`), tables, arrays, the numbers of images (`images`),
files that are in two splits (`leakage`), and telling it (`telling`). Reads the data once more; what
it cannot read it says. Does not own: hashing, which the footprint has done.
"""
