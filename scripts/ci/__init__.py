"""What continuous integration runs for a commit, and why; `.ci/run` starts it. Needs nothing but Python 3.11."""
