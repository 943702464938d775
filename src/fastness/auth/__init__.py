"""Who somebody is: users, password hashes, and the one place where a password is checked."""
