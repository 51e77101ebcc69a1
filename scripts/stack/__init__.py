"""The local stack: MongoDB, Valkey, worker, beat and API as processes on loopback."""
