"""Staff of the order department: accounts, seats, notices, feedback passed up."""
