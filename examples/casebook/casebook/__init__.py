"""Casebook: the case files of a small office, made with Fastness."""
