"""What a training does where memory runs out: half the batch, and that is said.

In: an exception and the size of a batch. Out: a smaller size, and a sentence.
"""

from __future__ import annotations

from retail.files.faults import ran_out_of_memory
from retail.schema import UserError


def smaller_batch(error: BaseException, size: int) -> int:
    """Half of it where memory ran out; raises another error again, and UserError where nothing is left to halve."""
    if not ran_out_of_memory(error):
        raise error
    if size < 2:
        raise UserError(
            "The memory does not hold the training of a single product at a time; close other programs, choose fewer "
            "inputs, or an encoder with smaller layers."
        ) from error
    return size // 2


def smaller_note(asked: int, size: int) -> str:
    """What to say of it."""
    return f"Memory did not hold batches of {asked:,} products, so the training took batches of {size:,}."
