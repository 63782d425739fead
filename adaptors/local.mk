# adaptors
