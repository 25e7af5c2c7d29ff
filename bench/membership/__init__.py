"""Questions of membership, answered in three ways at size: SQL, a closure table, a graph."""
