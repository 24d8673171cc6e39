"""Computing over data that do not move: what an owner and a buyer do before an order, on their own machines."""
