"""The API under load, beside the same load asked of the databases directly."""
