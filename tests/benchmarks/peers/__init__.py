"""The providers beside which Sleutel is measured."""
