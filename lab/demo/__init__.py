"""The whole product on one machine, beside the lab: for a look, and for the story that checks it.

It starts the product as an administrator would, by its commands, and imports nothing of it.
"""
