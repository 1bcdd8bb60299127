"""Speed against what a user would use instead, and against what the machine allows."""
