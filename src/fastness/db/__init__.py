"""The app's data: engines, models, the unit of work and migrations."""
