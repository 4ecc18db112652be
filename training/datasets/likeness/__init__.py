"""Which images are copies of each other, or nearly: decided here, and nowhere else.

Cleaning, splitting and every comparison of held-out with training images ask these modules, so that
what one of them lets through the others do not refuse.
"""
