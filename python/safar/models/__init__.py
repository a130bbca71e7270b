"""Models of customers: who leaves, who buys, what they are worth, who they are."""
