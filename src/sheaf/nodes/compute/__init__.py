"""The provider's node: takes orders, runs them where the data lie, delivers or refunds; may be killed at any moment."""
