"""Mail: an outbox in the database, and its delivery outside the request."""
