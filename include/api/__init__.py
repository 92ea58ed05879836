"""The HTTP API and the dashboard: ``uvicorn include.api.app:app``."""

# As OpenAPI and the MCP server give it.
VERSION = "1.0.0"
