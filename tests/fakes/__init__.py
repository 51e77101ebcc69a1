"""The ports in memory, room by room as in services/ports; the contract tests hold them to what MongoDB and Redis do."""
