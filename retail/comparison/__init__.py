"""Many models on the same rows: every fusion strategy against every single-modality baseline.

In: `Splits` and a `CompareConfig`. Out: the results, as `comparison.results` defines them.
"""
