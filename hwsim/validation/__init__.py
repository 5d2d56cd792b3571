"""Measured against predicted: every claim of the model beside what it can be checked by, as one page."""
