"""What records and contributors are worth to a buyer's held-out task: a utility, a sampler and a coefficient, put together."""
