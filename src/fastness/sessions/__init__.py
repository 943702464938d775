"""Sessions: who is signed in, from the first stored value to the sign-out.

The cookie holds a random id; everything else lies in a store under the hash of that id. `fastness.sessions.manager` loads
and saves, `fastness.sessions.session` is what a request works with.
"""
