"""`fastness probe`: a running app looked at from outside, by somebody who knows its routes and holds its key."""
