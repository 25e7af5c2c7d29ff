"""What a call on the expert's own authority takes, from her sign-in to the worker.

Whose authority an offer rests on is :class:`assist.lifecycle.Authority`.
"""
