"""Would an offer get through to a computer, what stops it, and what to do.

``catalogue`` lists the causes, ``judging`` the function of each check; both are pure, and rest on
``facts``. ``gathering`` reads the database, ``probing`` asks the network, ``checking`` does both.
``requesting`` is a check that a person asked for, ``sweeps`` of many, ``coverage`` the report.
"""
