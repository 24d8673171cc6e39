"""What the verbs share: the docket of cases, letters, journals, ballots, and the examination of records."""
