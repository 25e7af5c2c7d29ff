"""What can go wrong with the lab."""


class LabError(Exception):
    """The lab cannot do what was asked; the text says why and what to do."""
