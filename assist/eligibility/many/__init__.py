"""Who may help where: the decision for many pairs at once, by the rules of a single one.

``pictures`` loads everything in a number of queries that does not grow with computers. ``matrix``
asks each part of the decision once for all that are alike in what it rests on. ``answers`` puts
the results into the form in which they are asked for, ``change`` asks the same of a directory that
is not there yet.
"""

from __future__ import annotations

from assist.eligibility.many.matrix import Matrix, Share
from assist.eligibility.many.pictures import Pictures, load_pictures

__all__ = ["Matrix", "Pictures", "Share", "load_pictures"]
