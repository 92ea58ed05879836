"""The command line. ``python -m include.cli`` and ``bin/insightflow``."""
