"""What shows a run to people: the record itself, and its mirrors."""
