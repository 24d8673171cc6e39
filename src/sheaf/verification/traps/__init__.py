"""Traps in specifications: `schemas` finds rules that nothing can keep, `specifications` what will not do what its buyer expects."""
