"""Estimate pi by throwing a hundred thousand darts at a square."""

import random

darts = 100_000
generator = random.Random(0)
hits = sum(generator.random() ** 2 + generator.random() ** 2 <= 1 for _ in range(darts))
print(f"pi is about {4 * hits / darts}")
