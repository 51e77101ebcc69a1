"""Looks at every part that the service needs, and says what to do where one is not well."""
