"""How good is it, and is fusion worth it: metrics, splits, comparison and verdict."""
