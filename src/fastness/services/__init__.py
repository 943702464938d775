"""What one app's requests, commands and checks share: its store, its database, its hasher, made when they are first needed."""
