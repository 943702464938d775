"""Who may do what: permissions, actors, and policies that are both the filter of a query and the check of an object."""
