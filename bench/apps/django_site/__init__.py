"""The benchmark's work on Django: default middleware and its content security policy, sessions in the database."""
