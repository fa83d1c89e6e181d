"""Is a cohort, its split and its model fit to be believed? One file a check, one row in a table."""
