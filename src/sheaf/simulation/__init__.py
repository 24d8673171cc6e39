"""Simulation: whole worlds of agents that meet in the market, on the true contracts, and only through actions."""
