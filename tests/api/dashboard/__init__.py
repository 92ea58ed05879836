"""A package, for fixtures of the scope "package": the servers of a folder end with it."""
