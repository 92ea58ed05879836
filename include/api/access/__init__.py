"""Who may do what: passwords, sessions, tokens, API keys, users and their roles by workspace."""
