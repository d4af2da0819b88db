"""Training and assessment of the staff (AY 4.6, 6.2, 6.3): assessments, morning meetings, trainings, attendance."""
