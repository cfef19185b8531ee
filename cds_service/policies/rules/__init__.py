"""Rules that policies share. A rule here names no section and no payer: a policy gives it both.

A rule is a `RuleTemplate` (engine/rule.py): `template.at("A.1")` is the rule of a policy's section. Its numbers are
the policy's parameters of the names that it lists; its questions are the policy's, found by the general name of what
they ask (`same_as` or `asks` in questionnaire.toml). A function that makes a template combines rules of the policy.
"""
