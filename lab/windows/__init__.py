"""Simulated Windows computers: the novice's side of Offer Remote Assistance.

Written from [MS-RPCE], [MS-DCOM], [MS-OAUT] and [MS-RAI]; judges the product and shares no code
with it. ``python -m lab.windows --lab-dir DIR`` serves every computer of ``lab.world``.
"""
