"""A population run: a Bulk Data export in, the outcome of every member out.

export_folder → partition (lines by member, on disk) → judge_member (one member, pure) → write_results.
"""
