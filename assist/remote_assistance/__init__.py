"""The Remote Assistance protocols: MS-RAI over DCOM, connection strings, invitation files.

Knows no Django. ``client`` is the way in; impacket is imported by ``rpc``, ``activation`` and
``kerberos`` alone.
"""
