"""The names of bands, in the order of scores: what Spark and numpy both need to know of strata."""

import math

from moderation.audit.design import Stratum

ABOVE = {1: "0..+1", 2: "+1..+2", math.inf: "above +2"}  # bands of rows that were given the label, by their upper ends
BELOW = {-6: "below -6", -4: "-6..-4", -2: "-4..-2", -1: "-2..-1", math.inf: "-1..0"}  # of rows that were not
FAR = ("below -6", "-6..-4")  # taken together over all labels
OTHER, NULL = "(other)", "(null)"  # values of slices: all but the most frequent; none
ENTITIES = "entities"  # the column whose slices are the types that a row has
ORDER = [*BELOW.values(), *ABOVE.values()]


def depth(stratum: Stratum) -> tuple[int, str]:
    """Sorts strata by their bands, lowest scores first."""
    return (ORDER.index(stratum.band) if stratum.band in ORDER else len(ORDER), stratum.name)
