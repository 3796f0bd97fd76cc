"""The garbage collector of Spark's Python workers."""

import gc
from functools import cache


@cache
def lasting() -> None:
    """Has the collector leave alone from now on what there is: called at the end of a worker's first task.

    Spark has each worker collect its garbage after every task, and to look through all modules and models again, which
    stay, took 40 to 70 ms each time. What is in use no more is freed as ever, cycles of objects excepted.
    """
    gc.freeze()
