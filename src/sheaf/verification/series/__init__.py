"""Is a series of readings plausible? Windows of it are held against what a clean series of the same sensors looks like.

`windows` cuts, `channels` measures single channels, `replay` looks for windows that were there before, `relations` for channels that do not
move together as they should, `profile` calibrates all of it on the clean series and gives scores.
"""
