"""What drives the local networks: py-evm in this process, anvil as a program, and the log that makes both durable."""
