"""The HTTP API and the dashboard: ``uvicorn include.api.app:app``."""
