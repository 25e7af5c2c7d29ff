"""The Remote Assistance protocols: MS-RAI over DCOM, connection strings, invitation files.

Knows no Django. ``client`` is the way in; impacket is imported by ``rpc``, ``sealing``,
``activation`` and ``kerberos`` alone, pyspnego by ``ntlm``.
"""
