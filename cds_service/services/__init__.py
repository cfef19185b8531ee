"""The use cases: answer a hook, document an order, package a questionnaire, replay a call, report."""
