"""Messages between host and guest, and between server and agent: versioned and typed."""
